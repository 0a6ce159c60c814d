import { chatModificationToAppPatch, proto } from '@whiskeysockets/baileys';
import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageKind } from '../../src/gen/scrollback/v1/message_pb.js';
import { CapturedHistory, CapturedLink } from '../support/captured-link.js';
import { ANNA, BEN, closeCaptured, openCaptured } from '../support/captured-stage.js';
import { copyClientState } from '../support/whatsapp/baileys-client.js';
import type { Group } from '../support/whatsapp/groups.js';
import type { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { DeliverOptions } from '../support/whatsapp/message-stanza.js';
import type { Peer } from '../support/whatsapp/peer.js';
import { castPollVote } from '../support/whatsapp/poll-vote.js';
import { editMessage, editPoll } from '../support/whatsapp/sealed-edit.js';

const T = 1_700_000_000;
const secret = randomBytes(32);

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let link: CapturedLink;
let anna: Peer;
let ben: Peer;
let group: Group;
beforeEach(async () => {
  ({ whatsapp, anna, history, link } = await openCaptured());
  ben = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Ben' });
  group = whatsapp.groups.create({ subject: 'G', creator: anna, members: [link.account.phone, ben] });
});
afterEach(() => closeCaptured({ whatsapp, history, link }));

/** Delivers a message to the group and waits until the client has acknowledged it. */
async function deliver(author: Peer, message: proto.IMessage, options?: DeliverOptions): Promise<void> {
  const delivered = await link.account.deliver(author, message, { t: T, chat: group.jid, ...options });
  await link.account.acknowledged(delivered);
}

const pollKey = () => ({ remoteJid: group.jid, participant: ANNA, fromMe: false, id: 'P1' });
const aPoll = (name: string, ...options: string[]) => ({
  name,
  options: options.map((optionName) => ({ optionName })),
  selectableOptionsCount: 1,
});
const original = () =>
  deliver(
    anna,
    { pollCreationMessageV3: aPoll('Which one?', 'red', 'blue'), messageContextInfo: { messageSecret: secret } },
    { id: 'P1' },
  );
type Editing = Partial<Parameters<typeof editPoll>[0]>;
const edit = (ms: number, poll: proto.Message.IPollCreationMessage, more: Editing = {}) =>
  editPoll({ pollKey: pollKey(), author: ANNA, secret, poll, timestampMs: T * 1000 + ms, ...more });
const vote = (...options: string[]) =>
  deliver(ben, {
    pollUpdateMessage: castPollVote({ pollKey: pollKey(), pollAuthor: ANNA, voter: BEN, secret, options }),
  });
const at = (ms: number) => ({ seconds: BigInt(T), nanos: ms * 1e6 });
const ofNames = (...names: string[]) => names.map((name) => ({ name }));

/** The process dies, and another one begins. */
async function restart(): Promise<void> {
  await link.end();
  await link.account.offline();
  await history.close();
  history = await CapturedHistory.open(whatsapp, { directory: history.directory });
  link = new CapturedLink(whatsapp, history, copyClientState(link.state), link.account);
  await link.client.opened();
}

const later = () => deliver(anna, edit(20, aPoll('Really?', 'red', 'blue', 'green', 'grey')));
const earlier = () => deliver(anna, edit(10, aPoll('Which?', 'red', 'blue', 'green')));

describe('an edit of a poll', () => {
  it.each([
    ['after the poll', [original, earlier, () => vote('green'), later]],
    ['before it', [later, earlier, () => vote('green'), original]],
    ['the later one first, and votes before both', [original, () => vote('green'), later, earlier]],
  ])('that comes %s changes the question, and adds options that are voted for', async (_, steps) => {
    for (const step of steps) await step();
    const [message, ...others] = await history.messages();
    expect(others).toEqual([]);
    expect(message).toMatchObject({
      kind: MessageKind.POLL,
      text: 'Really?',
      editTime: at(20),
      poll: {
        options: ofNames('red', 'blue', 'green', 'grey'),
        votes: [{ voterJid: BEN, optionIndexes: [2] }],
      },
    });
  });

  it('is applied by a process that finds it in the inbox of one that died', async () => {
    history.drains = false;
    for (const step of [() => vote('grey'), later, original]) await step();
    await restart();
    const poll = { options: ofNames('red', 'blue', 'green', 'grey'), votes: [{ optionIndexes: [3] }] };
    expect(await history.messages()).toMatchObject([{ text: 'Really?', poll }]);
    await restart();
    expect(await history.messages()).toMatchObject([{ text: 'Really?', poll }]);
  });

  it('that calls options anew leaves those that votes name', async () => {
    await original();
    await vote('blue');
    const optionHash = createHash('sha256').update('red').digest('hex');
    const options = [{ optionName: 'scarlet', optionHash }, { optionName: 'blue' }];
    await deliver(anna, edit(10, { ...aPoll('Which?'), options }));
    await deliver(anna, edit(20, aPoll('Which one, then?', 'red')));
    expect(await history.messages()).toMatchObject([
      { text: 'Which one, then?', poll: { options: ofNames('red', 'blue'), votes: [{ optionIndexes: [1] }] } },
    ]);
  });

  it('of somebody else, of what is no poll, and a text leave it', async () => {
    await original();
    await deliver(ben, edit(10, aPoll('Mine', 'red', 'blue', 'mine'), { editor: BEN }));
    await deliver(ben, edit(10, aPoll('Mine', 'red', 'blue', 'mine')));
    await deliver(anna, edit(10, aPoll('Other', 'red'), { secret: randomBytes(32) }));
    const target = { author: ANNA, secret, timestampMs: T * 1000 + 10 };
    await deliver(anna, editMessage({ ...target, targetKey: pollKey(), edited: { conversation: 'a text' } }));
    const messageContextInfo = { messageSecret: secret };
    await deliver(anna, { conversation: 'a text', messageContextInfo }, { id: 'T1', t: T + 1 });
    await deliver(anna, edit(10, aPoll('A poll', 'yes'), { pollKey: { ...pollKey(), id: 'T1' } }));
    const messages = await history.messages();
    expect(messages).toMatchObject([
      { kind: MessageKind.POLL, text: 'Which one?', poll: { options: ofNames('red', 'blue') } },
      { kind: MessageKind.TEXT, text: 'a text' },
    ]);
    for (const { editTime } of messages) expect(editTime).toBeUndefined();
  });

  it('says nothing of one that was deleted for everyone, or by the owner', async () => {
    await original();
    const { REVOKE } = proto.Message.ProtocolMessage.Type;
    await deliver(anna, { protocolMessage: { type: REVOKE, key: pollKey() } });
    await later();
    expect(await history.messages()).toMatchObject([{ kind: MessageKind.REVOKED, text: '' }]);
    await link.account.acknowledged(await link.account.shareAppStateKey());
    const deleteForMe = { deleteMedia: true, key: pollKey(), timestamp: T };
    const patch = chatModificationToAppPatch({ deleteForMe }, group.jid);
    const index = ['deleteMessageForMe', group.jid, 'P1', '0', ANNA];
    await link.account.acknowledged(await link.account.changeAppState({ ...patch, index }));
    await earlier();
    await original();
    expect(await history.messages()).toEqual([]);
  });
});
