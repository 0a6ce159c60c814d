import { randomBytes } from 'node:crypto';
import { proto } from '@whiskeysockets/baileys';
import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageKind, Source } from '../../src/gen/scrollback/v1/message_pb.js';
import { decodeEvent, decodeRecord } from '../../src/whatsapp/inbox-record.js';
import type { CapturedHistory, CapturedLink } from '../support/captured-link.js';
import { ANNA, closeCaptured, openCaptured, owner } from '../support/captured-stage.js';
import type { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { Peer } from '../support/whatsapp/peer.js';
import { castPollVote } from '../support/whatsapp/poll-vote.js';

const { Type } = proto.Message.ProtocolMessage;

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let link: CapturedLink;
let anna: Peer;
beforeEach(async () => {
  ({ whatsapp, anna, history, link } = await openCaptured());
});
afterEach(() => closeCaptured({ whatsapp, history, link }));

/** Delivers a message and waits until the client has acknowledged it. */
async function deliver(...[author, message, options]: Parameters<typeof link.account.deliver>): Promise<string> {
  const id = await link.account.deliver(author, message, options);
  await link.account.acknowledged(id);
  return id;
}

describe('what a captured client receives', () => {
  it('of a person is stored', async () => {
    const id = await deliver(anna, { conversation: 'hello' }, { t: 1_700_000_000 });
    expect(await history.messages()).toMatchObject([
      {
        key: { chatJid: ANNA, senderJid: ANNA, fromMe: false, messageId: id },
        kind: MessageKind.TEXT,
        text: 'hello',
        senderName: 'Anna',
        sentTime: { seconds: 1_700_000_000n },
        sources: [Source.LIVE],
      },
    ]);
  });

  it('under a LID is stored under the number that the stanza tells', async () => {
    await deliver(anna, { conversation: 'hello' }, { addressing: 'lid' });
    expect(await history.messages()).toMatchObject([{ key: { chatJid: ANNA, senderJid: ANNA } }]);
  });

  it('under a LID whose number comes later moves to the number', async () => {
    const ben = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003' });
    await deliver(ben, { conversation: 'before' }, { addressing: 'lid', tellsOther: false });
    expect(await history.messages()).toMatchObject([{ key: { chatJid: ben.jid('lid') } }]);
    await deliver(ben, { conversation: 'after' }, { addressing: 'lid', t: 4_000_000_000 });
    expect(await history.messages()).toMatchObject([
      { key: { chatJid: ben.jid('pn'), senderJid: ben.jid('pn') }, text: 'before' },
      { key: { chatJid: ben.jid('pn') }, text: 'after' },
    ]);
  });

  it('in a group is stored with its author, and a change of the group as what it is', async () => {
    const group = whatsapp.groups.create({
      subject: 'G',
      creator: anna,
      members: [link.account.phone],
      addressing: 'lid',
    });
    await deliver(anna, { conversation: 'hello all' }, { chat: group.jid, addressing: 'lid', t: 1_700_000_000 });
    await link.account.acknowledged(await link.account.changeGroup(group, anna, { change: 'subject', subject: 'New' }));
    await link.capture.settle();
    expect(await history.messages()).toMatchObject([
      { key: { chatJid: group.jid, senderJid: ANNA }, text: 'hello all' },
      { kind: MessageKind.SYSTEM, systemEvent: { value: 'New' }, key: { senderJid: ANNA } },
    ]);
    expect((await history.store.getChat(group.jid))?.name).toBe('New');
  });

  it('from the own phone is the owner’s', async () => {
    await deliver(link.account.phone, { conversation: 'mine' }, { chat: anna });
    await deliver(
      link.account.phone,
      { conversation: 'mine too' },
      { chat: anna, addressing: 'lid', t: 4_000_000_000 },
    );
    expect(await history.messages()).toMatchObject([
      { key: { chatJid: ANNA, senderJid: '', fromMe: true }, text: 'mine' },
      { key: { chatJid: ANNA, senderJid: '', fromMe: true }, text: 'mine too' },
    ]);
  });

  it('changes messages that are there', async () => {
    const id = await deliver(anna, { conversation: 'helo' });
    const key = { remoteJid: ANNA, fromMe: true, id };
    const editedMessage = { conversation: 'hello' };
    await deliver(anna, {
      protocolMessage: { type: Type.MESSAGE_EDIT, key, editedMessage, timestampMs: 1_700_000_000_123 },
    });
    await deliver(anna, { reactionMessage: { key, text: '👍', senderTimestampMs: 2 } });
    const mine = { remoteJid: ANNA, fromMe: false, id };
    await deliver(
      link.account.phone,
      { reactionMessage: { key: mine, text: '❤️', senderTimestampMs: 2 } },
      { chat: anna },
    );
    expect(await history.messages()).toMatchObject([
      {
        text: 'hello',
        editTime: { seconds: 1_700_000_000n, nanos: 123_000_000 },
        reactions: [
          { emoji: '👍', senderJid: ANNA },
          { emoji: '❤️', fromMe: true, senderJid: '' },
        ],
      },
    ]);
    const revocation = await deliver(anna, { protocolMessage: { type: Type.REVOKE, key } });
    expect(await history.messages()).toMatchObject([
      { kind: MessageKind.REVOKED, text: '', revocation: { byAdmin: false }, key: { messageId: id } },
    ]);
    expect((await history.messages())[0]?.alternateMessageIds).toContain(revocation);
  });

  it('says how far messages of the owner got', async () => {
    const id = await deliver(link.account.phone, { conversation: 'mine' }, { chat: anna });
    expect(await history.messages()).toMatchObject([{ deliveryState: 2 }]);
    await link.account.deliverReceipt(ANNA, [id], { type: 'read' });
    await link.account.acknowledgements.waitFor((entry) => entry.of === 'receipt');
    expect(await history.messages()).toMatchObject([{ deliveryState: 4 }]);
  });

  it('opens the votes of a poll, also those that came before it', async () => {
    const secret = randomBytes(32);
    const options = ['yes', 'no'];
    const pollId = randomBytes(10).toString('hex').toUpperCase();
    const vote = (voter: string, chosen: string[], fromMe: boolean) =>
      castPollVote({
        pollKey: { remoteJid: ANNA, fromMe, id: pollId },
        pollAuthor: ANNA,
        voter,
        secret,
        options: chosen,
      });
    await deliver(anna, { pollUpdateMessage: vote(ANNA, ['no'], true) });
    expect(await history.messages()).toEqual([]);
    await deliver(
      anna,
      {
        messageContextInfo: { messageSecret: secret },
        pollCreationMessage: { name: 'well?', options: options.map((optionName) => ({ optionName })) },
      },
      { id: pollId },
    );
    const me = `${owner.phone}@s.whatsapp.net`;
    await deliver(link.account.phone, { pollUpdateMessage: vote(me, ['yes'], false) }, { chat: anna });
    expect(await history.messages()).toMatchObject([
      {
        text: 'well?',
        poll: {
          options: [{ name: 'yes' }, { name: 'no' }],
          votes: [
            { voterJid: ANNA, optionIndexes: [1] },
            { fromMe: true, optionIndexes: [0] },
          ],
        },
      },
    ]);
  });

  it('is a placeholder when it is to be opened once, on the phone', async () => {
    await deliver(anna, {}, { form: 'view-once' });
    expect(await history.messages()).toMatchObject([{ kind: MessageKind.PENDING, viewOnce: true }]);
  });

  it('is a placeholder while it cannot be read, and the message when it is sent again', async () => {
    const id = await link.account.deliver(anna, { conversation: 'hello' }, { form: 'garbage', onRetry: 'send-anew' });
    await link.account.acknowledgements.waitFor((entry) => entry.id === id && entry.kind === 'retry');
    await link.account.acknowledged(id);
    const lost = await deliver(anna, { conversation: 'gone' }, { form: 'garbage', t: 4_000_000_000 }).catch(() => '');
    const messages = await history.messages();
    expect(messages.find(({ key }) => key?.messageId === id)).toMatchObject({ kind: MessageKind.TEXT, text: 'hello' });
    expect(messages.find(({ key }) => key?.messageId === lost)).toMatchObject({ kind: MessageKind.PENDING });
  });

  it('needs no encryption', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 300; n++) {
      ids.push(await link.account.deliver(anna, { conversation: `text ${String(n)}` }, { form: 'plaintext' }));
    }
    await Promise.all(ids.map((id) => link.account.acknowledged(id)));
    expect(await history.messages()).toHaveLength(300);
    expect(history.store.inbox.waiting('live')).toBe(0);
  });

  it('is recorded in no transaction of the library', async () => {
    const transactions = new AsyncLocalStorage<string>();
    const wake = history.host.wake.bind(history.host);
    const woken: (string | undefined)[] = [];
    history.host.wake = () => {
      woken.push(transactions.getStore());
      wake();
    };
    transactions.run('over', () => link.client.socket.ev.emit('contacts.upsert', [{ id: ANNA, name: 'Anna' }]));
    await link.capture.settle();
    expect(woken).toEqual([undefined]);
  });

  it('that nobody understands moves aside, and keeps nothing else from being stored', async () => {
    await history.store.inbox.append(Buffer.from('of a version to come'));
    await deliver(anna, { conversation: 'hello' });
    expect(await history.messages()).toMatchObject([{ text: 'hello' }]);
    const unread = await history.store.inbox.read('unread', 10, 1000);
    expect(unread.map(({ payload }) => payload.toString())).toEqual(['of a version to come']);
  });

  it.each([
    ['names no author in a group', { chat: '120363000000000001@g.us', attributes: { participant: undefined } }],
    ['names a receiver who is not its author', { attributes: { recipient: '491700000009@s.whatsapp.net' } }],
    ['is sealed as bots do', { form: 'bot' as const }],
    ['is encrypted in a way that is not known', { form: 'unknown' as const }],
  ])('that %s is kept as it came before it is acknowledged', async (_, options) => {
    const id = await link.account.deliver(anna, { conversation: 'hello' }, { form: 'plaintext', ...options });
    await link.account.acknowledgements.waitFor((entry) => entry.id === id && entry.kind === 'ack');
    await history.recorded();
    const [unread] = await history.store.inbox.read('unread', 10, 10_000);
    const { head, body } = decodeRecord(unread?.payload ?? Buffer.alloc(0));
    expect(head.type).toBe('stanza');
    expect(decodeEvent(body)).toMatchObject({ tag: 'message', attrs: { id } });
    expect(JSON.stringify(decodeEvent(body))).toContain(contentBytes('hello'));
    expect(history.store.inbox.waiting('unread')).toBe(1);
    expect(history.store.inbox.waiting('live')).toBe(0);
  });

  it('that anybody could read and that is no message is kept as it came before it is acknowledged', async () => {
    const id = await deliver(anna, {}, { form: 'broken', chat: '120363000000000001@newsletter' });
    await history.recorded();
    const [unread] = await history.store.inbox.read('unread', 10, 10_000);
    const { head, body } = decodeRecord(unread?.payload ?? Buffer.alloc(0));
    expect(head.type).toBe('stanza');
    expect(decodeEvent(body)).toMatchObject({
      attrs: { id },
      content: [{ content: Buffer.from('ff00ff00ff', 'hex') }],
    });
  });

  it('in the own status is the owner’s, by number and by LID', async () => {
    const chat = 'status@broadcast';
    for (const addressing of ['pn', 'lid'] as const) {
      const id = await deliver(link.account.phone, { conversation: addressing }, { chat, addressing });
      const key = { remoteJid: chat, fromMe: true, id };
      await deliver(link.account.phone, { protocolMessage: { type: Type.REVOKE, key } }, { chat, addressing });
    }
    const own = { key: { chatJid: chat, fromMe: true, senderJid: '' }, kind: MessageKind.REVOKED };
    expect(await history.messages()).toMatchObject([own, own]);
  });
});

/** The content of a text as the JSON of its bytes. */
function contentBytes(conversation: string): string {
  return JSON.stringify([...proto.Message.encode({ conversation }).finish()]).slice(1, -1);
}
