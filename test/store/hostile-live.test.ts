import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LiveEvent, LiveRank } from '../../src/domain/live-event.js';
import { messageKind } from '../../src/domain/message-kind.js';
import { MessageKind, Source } from '../../src/gen/scrollback/v1/message_pb.js';
import { MAX_AWAITED_BY_RECEIPT } from '../../src/store/awaiting.js';
import { importDrafts, openHistory, readAll, type TemporaryHistory } from '../support/history.js';
import { aKey, aLiveMessage, aText, recordAll } from '../support/live-events.js';

const OWNER = '491700000001@s.whatsapp.net';
const ANNA = '491700000002@s.whatsapp.net';
const BEN = '491700000003@s.whatsapp.net';
const BEN_LID = '900000000000003@lid';
const GROUP = '120363000000000001@g.us';

let history: TemporaryHistory;
beforeEach(async () => {
  history = await openHistory();
});
afterEach(() => history.remove());

const record = (...events: LiveEvent[]) => recordAll(history.store, events);
const texts = async () => (await readAll(history.store)).map(({ text }) => text);

describe('who did not write a message', () => {
  const hers = aKey(GROUP, 'A', { sender: ANNA });
  const revocation = (adminJid: string, byOwner = false): LiveEvent => {
    return { type: 'revocation', key: hers, revocationId: 'R', revokeMs: 9000, adminJid, byAdmin: true, byOwner };
  };
  const group = (ofAnna: LiveRank, ofBen: LiveRank): LiveEvent => {
    const members = [
      { jid: ANNA, rank: ofAnna, fromMe: false },
      { jid: BEN, rank: ofBen, fromMe: false },
    ];
    return { type: 'group', group: { jid: GROUP, subject: 'G', createMs: 0, asOfMs: 1, members } };
  };

  it('takes it back only as an admin of the group', async () => {
    await record(group('admin', 'member'), aLiveMessage(hers, { content: aText('hers') }), revocation(BEN));
    expect(await texts()).toEqual(['hers']);
    await record(group('admin', 'member'), {
      type: 'group-change',
      change: { jid: GROUP, asOfMs: 2, subject: '', change: 'promote', members: [{ jid: BEN, fromMe: false }] },
    });
    await record({ type: 'lid-mapping', lid: BEN_LID, phone: BEN }, revocation(BEN_LID));
    expect(await readAll(history.store)).toMatchObject([
      { kind: MessageKind.REVOKED, text: '', revocation: { adminJid: BEN, byAdmin: true } },
    ]);
  });

  it('takes it back before it came only as an admin, too', async () => {
    await record(group('admin', 'member'), revocation(BEN), aLiveMessage(hers, { content: aText('hers') }));
    expect(await texts()).toEqual(['hers']);
  });

  it('takes it back when it is the author under another name, or the owner', async () => {
    await record(group('member', 'member'), aLiveMessage(hers), revocation(OWNER, true));
    expect(await readAll(history.store)).toMatchObject([{ kind: MessageKind.REVOKED }]);
    const his = aKey(GROUP, 'B', { sender: BEN_LID });
    await record({ type: 'lid-mapping', lid: BEN_LID, phone: BEN }, aLiveMessage(his));
    await record({ type: 'revocation', key: his, revocationId: 'S', revokeMs: 1, adminJid: BEN, byAdmin: true });
    expect((await readAll(history.store)).map(({ kind }) => kind)).toEqual([MessageKind.REVOKED, MessageKind.REVOKED]);
  });
});

describe('something else under the id of a message', () => {
  const key = aKey(ANNA, 'A');
  const poll = aPoll();

  it('does not change what it says', async () => {
    await record(aLiveMessage(key, { content: aText('I owe you 10') }));
    await record(
      aLiveMessage(key, { content: aText('I owe you nothing at all') }),
      aLiveMessage(key, { content: poll }),
    );
    expect(await readAll(history.store)).toMatchObject([{ kind: MessageKind.TEXT, text: 'I owe you 10' }]);
  });

  it('does not change what a backup says', async () => {
    await importDrafts(history.store, [{ chat: ANNA, id: 'A', text: 'I owe you 10', sentMs: 1_600_000_000_000 }]);
    await record(aLiveMessage(key, { content: aText('I owe you nothing at all') }));
    expect(await readAll(history.store)).toMatchObject([
      { text: 'I owe you 10', sources: [Source.BACKUP, Source.LIVE], sentTime: { seconds: 1_600_000_000n } },
    ]);
  });

  it('is an edit when it says so, and fills a placeholder', async () => {
    await record(aLiveMessage(key, { content: { ...aText(''), kind: messageKind.pending, waType: 11 } }));
    await record(aLiveMessage(key, { content: aText('first') }));
    await record({ type: 'edit', key, editId: 'E', editMs: 5000, content: aText('then') });
    await record(aLiveMessage(key, { content: aText('first') }));
    expect(await readAll(history.store)).toMatchObject([{ text: 'then', alternateMessageIds: ['E'] }]);
  });
});

describe('an edit or a revocation', () => {
  it('with the id of another message leaves that message', async () => {
    const [a, b] = [aKey(ANNA, 'A'), aKey(ANNA, 'B')];
    await record(aLiveMessage(a, { content: aText('first') }), aLiveMessage(b, { content: aText('second') }));
    await record({ type: 'edit', key: a, editId: 'B', editMs: 5000, content: aText('edited') });
    expect((await texts()).sort()).toEqual(['edited', 'second']);
    await record({ type: 'revocation', key: a, revocationId: 'B', revokeMs: 6000, adminJid: '', byAdmin: false });
    expect((await texts()).sort()).toEqual(['', 'second']);
    expect(await history.store.getChat(ANNA)).toMatchObject({ messageCount: 2n });
  });

  it('under whose id a backup has the message is of that message', async () => {
    await importDrafts(history.store, [{ chat: ANNA, id: 'E', text: 'edited' }]);
    await record(aLiveMessage(aKey(ANNA, 'A'), { content: aText('first') }));
    await record({ type: 'edit', key: aKey(ANNA, 'A'), editId: 'E', editMs: 5000, content: aText('edited') });
    expect(await readAll(history.store)).toMatchObject([{ text: 'edited', alternateMessageIds: ['E'] }]);
  });
});

describe('a vote about what is no poll', () => {
  const key = aKey(GROUP, 'A', { sender: ANNA });
  const vote: LiveEvent = {
    type: 'sealed-vote',
    key,
    actor: { jid: BEN, fromMe: false },
    vote: { payload: Uint8Array.of(1), iv: Uint8Array.of(1), voterNames: [BEN], authorNames: [ANNA] },
    voteMs: 5000,
  };
  const opened: LiveEvent = { type: 'vote', key, actor: { jid: BEN, fromMe: false }, choices: [], voteMs: 5000 };

  it('leaves what the message says, before and after it', async () => {
    await record(vote, aLiveMessage(key, { content: aText('hers') }), opened);
    expect(await readAll(history.store)).toMatchObject([{ kind: MessageKind.TEXT, text: 'hers' }]);
    await record(vote, { ...vote, vote: { ...vote.vote, payload: Uint8Array.of(2) } });
    expect(await readAll(history.store)).toMatchObject([{ kind: MessageKind.TEXT, text: 'hers' }]);
  });
});

describe('votes without end', () => {
  it('of one person leave the newest few, whatever their order', async () => {
    const vote = (n: number): LiveEvent => ({
      type: 'sealed-vote',
      key: aKey(GROUP, 'P', { sender: ANNA }),
      actor: { jid: BEN, fromMe: false },
      vote: { payload: Uint8Array.of(n), iv: Uint8Array.of(n), voterNames: [BEN], authorNames: [ANNA] },
      voteMs: n * 1000,
    });
    const votes = Array.from({ length: 30 }, (_, n) => vote(n + 1));
    await record(...votes.slice(15), ...votes.slice(0, 15));
    const tried: number[] = [];
    await history.store.commit((commit) =>
      history.store.recordLive(
        commit,
        [aLiveMessage(aKey(GROUP, 'P', { sender: ANNA }), { content: aPoll(), secret: Uint8Array.of(1) })],
        ({ payload }) => {
          tried.push(payload[0] ?? 0);
          return undefined;
        },
      ),
    );
    expect(tried.sort((a, b) => a - b)).toEqual([27, 28, 29, 30]);
  });
});

describe('sealed reactions without end', () => {
  it('leave the newest, and everybody their vote', async () => {
    const key = aKey(GROUP, 'P', { sender: ANNA });
    const sealed = (n: number, reaction: boolean): LiveEvent => ({
      type: 'sealed-vote',
      key,
      actor: { jid: `${String(reaction ? n : 0)}@s.whatsapp.net`, fromMe: false },
      vote: { payload: Buffer.from(String(n)), iv: Uint8Array.of(1), voterNames: [], authorNames: [], reaction },
      voteMs: n * 1000,
    });
    const reactions = Array.from({ length: 1030 }, (_, n) => sealed(n + 10, true));
    await record(...reactions.slice(515), sealed(1, false), ...reactions.slice(0, 515));
    const tried: number[] = [];
    await history.store.commit((commit) =>
      history.store.recordLive(
        commit,
        [aLiveMessage(key, { content: aPoll(), secret: Uint8Array.of(1) })],
        ({ payload }) => {
          tried.push(Number(Buffer.from(payload).toString()));
          return undefined;
        },
      ),
    );
    expect(tried.sort((x, y) => x - y)).toEqual([1, ...Array.from({ length: 1024 }, (_, n) => n + 16)]);
  });
});

describe('receipts of messages that never were', () => {
  it('are kept for so many messages, and for all that there are', async () => {
    const receipt = (id: string, chat = ANNA): LiveEvent => {
      return { type: 'receipt', key: aKey(chat, id, { fromMe: true }), state: 4, memberJid: '' };
    };
    await record(aLiveMessage(aKey(ANNA, 'A', { fromMe: true }), { state: 2 }));
    const many = Array.from({ length: MAX_AWAITED_BY_RECEIPT }, (_, n) => receipt(`N${String(n)}`));
    expect(await record(...many)).toMatchObject({ awaiting: MAX_AWAITED_BY_RECEIPT });
    const counts = await record(receipt('one more'), receipt('another', BEN), receipt('N7'), receipt('A'));
    expect(counts).toMatchObject({ awaiting: 1, updated: 1, unchanged: 2 });
    expect(await history.store.getChat(BEN)).toBeUndefined();
    await record(aLiveMessage(aKey(ANNA, 'N7', { fromMe: true }), { state: 2 }));
    expect(await record(receipt('one more'))).toMatchObject({ awaiting: 1 });
    expect((await readAll(history.store)).map(({ deliveryState }) => deliveryState)).toEqual([4, 4]);
  });
});

it('a message that is deleted is awaited no more', async () => {
  const key = (id: string) => aKey(ANNA, id, { fromMe: true });
  const receipt = (id: string): LiveEvent => ({ type: 'receipt', key: key(id), state: 4, memberJid: '' });
  const awaited = () => history.store.commit((commit) => Promise.resolve(commit.state.awaitedCount));
  await record(receipt('A'), receipt('B'), receipt('C'));
  expect(await awaited()).toBe(3n);
  await record({ type: 'deletion', key: key('A') }, { type: 'deletion', key: key('A') });
  expect(await awaited()).toBe(2n);
  await importDrafts(history.store, [{ deleted: { chat: ANNA, id: 'B', fromMe: true } }]);
  await record({ type: 'clear', chatJid: ANNA, throughMs: 1_800_000_000_000, keepsStarred: false });
  await record(aLiveMessage(key('C')), receipt('A'));
  expect(await awaited()).toBe(0n);
});

function aPoll() {
  return { ...aText('What?'), kind: messageKind.poll, waType: 66, poll: { options: ['a'], selectableCount: 1 } };
}
