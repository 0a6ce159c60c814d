import { toJson } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { liveDelivery, type LiveEvent } from '../../src/domain/live-event.js';
import { MessageKind, MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import type { Commit } from '../../src/store/commit.js';
import { putChat } from '../../src/store/directory.js';
import { inAnyOrder } from '../support/any-order.js';
import { chatNamed, importDrafts, openHistory, readAll, type TemporaryHistory } from '../support/history.js';
import { aKey, aLiveMessage, aText, recordAll } from '../support/live-events.js';
import { aPage, type MessageDraft } from '../support/page-builder.js';

const ANNA = '491700000002@s.whatsapp.net';
const ANNA_LID = '900000000000002@lid';
const GROUP = '120363000000000001@g.us';

let history: TemporaryHistory;
beforeEach(async () => {
  history = await openHistory();
});
afterEach(() => history.remove());

const all = async () => (await readAll(history.store)).map((message) => toJson(MessageSchema, message));

describe('what the link tells', () => {
  it('is stored as a backup would have stored it', async () => {
    const counts = await recordAll(history.store, [aLiveMessage(aKey(ANNA, 'A1'))]);
    expect(counts).toMatchObject({ added: 1 });
    expect(await importDrafts(history.store, [{ chat: ANNA, id: 'A1', text: 'text of A1' }])).toMatchObject({
      added: 0,
      updated: 1,
    });
    expect(await all()).toMatchObject([
      { text: 'text of A1', sources: ['SOURCE_BACKUP', 'SOURCE_LIVE'], key: { senderJid: ANNA } },
    ]);
  });

  it('lets others have their turns while much of it is recorded', async () => {
    const events = Array.from({ length: 500 }, (_, n) => aLiveMessage(aKey(ANNA, `A${String(n)}`)));
    let turns = 0;
    let counting = setImmediate(function count() {
      turns++;
      counting = setImmediate(count);
    });
    const meanwhile = await history.store.commit(async (commit) => {
      const before = turns;
      await history.store.recordLive(commit, events, () => undefined);
      return turns - before;
    });
    clearImmediate(counting);
    expect(meanwhile).toBeGreaterThanOrEqual(500 / 32 - 1);
    expect(await all()).toHaveLength(500);
  });

  it('changes nothing when it comes again', async () => {
    const events = [aLiveMessage(aKey(ANNA, 'A1')), reaction('A1', '👍', 1)];
    await recordAll(history.store, events);
    const before = await all();
    expect(await recordAll(history.store, events)).toMatchObject({ added: 0, updated: 0, unchanged: 2 });
    expect(await all()).toEqual(before);
  });

  it('waits for a message that is not there, unseen, also for one from a backup', async () => {
    const counts = await recordAll(history.store, [edit('A1', 'after', 5000), reaction('A1', '👍', 1)]);
    expect(counts).toMatchObject({ added: 0, awaiting: 2 });
    expect(await all()).toEqual([]);
    await history.store.beginImport(10);
    await importDrafts(history.store, [{ chat: ANNA, id: 'A1', text: 'before' }]);
    expect(await all()).toMatchObject([
      { text: 'after', alternateMessageIds: ['E-A1'], reactions: [{ emoji: '👍', senderJid: ANNA }] },
    ]);
  });

  it('is not undone by an older backup', async () => {
    const revocation: LiveEvent = {
      type: 'revocation',
      key: aKey(ANNA, 'A1'),
      revocationId: 'R1',
      revokeMs: 9000,
      adminJid: '',
      byAdmin: false,
    };
    await recordAll(history.store, [revocation]);
    await importDrafts(history.store, [{ chat: ANNA, id: 'A1', text: 'secret' }]);
    expect(await readAll(history.store)).toMatchObject([{ kind: MessageKind.REVOKED, text: '' }]);
  });

  it('under a LID and under its number is one message, whenever the number is learned', async () => {
    await recordAll(history.store, [
      aLiveMessage(aKey(ANNA_LID, 'A1')),
      { type: 'reaction', key: aKey(ANNA_LID, 'A2'), actor: { jid: ANNA_LID, fromMe: false }, emoji: '👍', reactMs: 1 },
    ]);
    await recordAll(history.store, [aLiveMessage(aKey(ANNA, 'A2'), { sentMs: 1_700_000_001_000 })]);
    await recordAll(history.store, [{ type: 'lid-mapping', lid: ANNA_LID, phone: ANNA }]);
    await recordAll(history.store, [aLiveMessage(aKey(ANNA_LID, 'A1'))]);
    expect(await all()).toMatchObject([
      { key: { chatJid: ANNA, messageId: 'A1' } },
      { key: { chatJid: ANNA, messageId: 'A2' }, reactions: [{ senderJid: ANNA }] },
    ]);
  });

  it('says that a message of a group was read when everybody has read it', async () => {
    const BEN = '491700000003@s.whatsapp.net';
    const key = aKey(GROUP, 'A1', { fromMe: true });
    const members = [ANNA_LID, BEN].map((jid) => ({ jid, rank: 'member' as const, fromMe: false }));
    members.push({ jid: '491700000001@s.whatsapp.net', rank: 'member', fromMe: true });
    const { read, delivered } = liveDelivery;
    const receipt = (memberJid: string, state: typeof read | typeof delivered): LiveEvent[] => [
      { type: 'receipt', key, state, memberJid },
    ];
    await recordAll(history.store, [
      { type: 'lid-mapping', lid: ANNA_LID, phone: ANNA },
      { type: 'group', group: { jid: GROUP, subject: 'G', createMs: 0, members, asOfMs: 1 } },
      ...receipt(ANNA_LID, read),
      aLiveMessage(key, { state: liveDelivery.sent }),
    ]);
    expect(await readAll(history.store)).toMatchObject([{ deliveryState: liveDelivery.sent }]);
    await recordAll(history.store, receipt(BEN, delivered));
    expect(await readAll(history.store)).toMatchObject([{ deliveryState: delivered }]);
    await recordAll(history.store, receipt(BEN, read));
    expect(await readAll(history.store)).toMatchObject([{ deliveryState: read }]);
    expect((await history.store.getChat(GROUP))?.name).toBe('G');
  });

  it('of a group is all of its members, although a change of them came before', async () => {
    const BEN = '491700000003@s.whatsapp.net';
    const change = (kind: 'add' | 'remove', asOfMs: number): LiveEvent => {
      const members = [{ jid: BEN, fromMe: false }];
      return { type: 'group-change', change: { jid: GROUP, asOfMs, subject: '', change: kind, members } };
    };
    const member = (jid: string) => ({ jid, rank: 'member' as const, fromMe: false });
    const state = (asOfMs: number, ...jids: string[]): LiveEvent => {
      return { type: 'group', group: { jid: GROUP, subject: 'G', createMs: 0, asOfMs, members: jids.map(member) } };
    };
    const members = async () => {
      const [group] = (await history.store.listGroups(undefined, 10, 1e6)).items;
      return [group?.members, group?.pastMembers].map((people) => people?.map(({ jid }) => jid));
    };
    await recordAll(history.store, [change('add', 5_000_000)]);
    expect(await members()).toEqual([[BEN], []]);
    await recordAll(history.store, [change('remove', 5_000_001)]);
    expect(await members()).toEqual([[], [BEN]]);
    // The chunk of history was made before, and is recorded after.
    await recordAll(history.store, [state(4_000_000, ANNA, BEN)]);
    expect(await members()).toEqual([[ANNA], [BEN]]);
    await recordAll(history.store, [change('add', 6_000_000), state(5_500_000, ANNA)]);
    expect(await members()).toEqual([[ANNA, BEN], []]);
  });

  it('of a group is named as the last change says, although that bears whole seconds', async () => {
    const members = [{ jid: ANNA, rank: 'member' as const, fromMe: false }];
    const change = (subject: string, asOfMs: number): LiveEvent => {
      return { type: 'group-change', change: { jid: GROUP, asOfMs, subject, change: 'subject', members: [] } };
    };
    const names = async () => {
      const [group] = (await history.store.listGroups(undefined, 10, 1e6)).items;
      return [group?.subject, (await history.store.getChat(GROUP))?.name];
    };
    const state = { jid: GROUP, subject: 'old', createMs: 0, members, asOfMs: 5_000_900 };
    await recordAll(history.store, [{ type: 'group', group: state }]);
    await recordAll(history.store, [change('new', 5_000_000)]);
    expect(await names()).toEqual(['new', 'new']);
    await recordAll(history.store, [change('long before', 4_000_000)]);
    expect(await names()).toEqual(['new', 'new']);
  });

  it('gives the same in every order, mixed with backups', async () => {
    const live: LiveEvent[] = [
      aLiveMessage(aKey(ANNA, 'A1')),
      aLiveMessage(aKey(ANNA_LID, 'A2', {}), { sentMs: 1_700_000_002_000 }),
      aLiveMessage(aKey(GROUP, 'A1', { sender: ANNA_LID }), { content: aText('in the group') }),
      aLiveMessage(aKey(ANNA, 'A3', { fromMe: true }), { state: liveDelivery.sent }),
      edit('A1', 'edited', 7000),
      edit('A1', 'edited again', 8000),
      reaction('A2', '👍', 1000),
      reaction('A2', '', 2000),
      { type: 'receipt', key: aKey(ANNA, 'A3', { fromMe: true }), state: liveDelivery.read, memberJid: '' },
      { type: 'lid-mapping', lid: ANNA_LID, phone: ANNA },
      {
        type: 'revocation',
        key: aKey(GROUP, 'A1', { sender: ANNA }),
        revocationId: 'R',
        revokeMs: 9000,
        adminJid: ANNA_LID,
        byAdmin: true,
      },
    ];
    const backup: MessageDraft[] = [
      { chat: ANNA, id: 'A1', sentMs: 1_700_000_000_123 },
      { chat: ANNA, id: 'A2', sentMs: 1_700_000_002_000 },
      { chat: GROUP, id: 'A1', sender: ANNA, text: 'in the group' },
      { chat: ANNA, id: 'A3', fromMe: true, more: { deliveryState: liveDelivery.sent } },
    ];
    let wanted: unknown;
    await inAnyOrder(live, backup, async (bring) => {
      const one = await openHistory();
      try {
        await bring(one.store);
        const found = (await readAll(one.store))
          .map((message) => JSON.stringify(toJson(MessageSchema, message)))
          .sort();
        wanted ??= found;
        expect(found).toEqual(wanted);
        expect(found).toHaveLength(4);
      } finally {
        await one.remove();
      }
    });
  });

  it('is stored once when it comes while an import prepares', async () => {
    await history.store.beginImport(10, async (build) => {
      const done = await history.store.commit(build);
      await recordAll(history.store, [aLiveMessage(aKey(ANNA, 'A1'))]);
      return done;
    });
    const counts = await importDrafts(history.store, [{ chat: ANNA, id: 'A1', text: 'text of A1' }]);
    expect(counts).toMatchObject({ added: 0, updated: 1 });
    expect(await all()).toHaveLength(1);
  });

  it('may be the number of a LID under which pages are being imported', async () => {
    const { store } = history;
    const commit = <T>(build: (building: Commit) => Promise<T>): Promise<T> => store.commit(build);
    await importDrafts(store, [{ chat: ANNA, id: 'A1', text: 'before' }]);
    // What the workers know is from before the mapping.
    const number = await commit((building) => putChat(building, chatNamed(ANNA_LID), 0));
    await store.beginImport(10);
    await recordAll(store, [{ type: 'lid-mapping', lid: ANNA_LID, phone: ANNA }]);
    expect(store.mappingsFromLink).toBe(1);
    const page = aPage(new Map([[ANNA_LID, number]]), [{ chat: ANNA_LID, id: 'A2', text: 'late', sentMs: 5 }]);
    await commit((building) => store.mergePage(building, page, [ANNA_LID]));
    await store.resolveImported(commit);
    expect((await readAll(store)).map(({ key, text }) => `${key?.chatJid} ${text}`).sort()).toEqual([
      `${ANNA} before`,
      `${ANNA} late`,
    ]);
    expect(await store.getChat(ANNA_LID)).toMatchObject({ jid: ANNA, messageCount: 2n });
  });
});

function edit(id: string, text: string, editMs: number): LiveEvent {
  return { type: 'edit', key: aKey(ANNA, id), editId: `E-${id}`, editMs, content: aText(text) };
}

function reaction(id: string, emoji: string, reactMs: number): LiveEvent {
  return { type: 'reaction', key: aKey(ANNA, id), actor: { jid: ANNA, fromMe: false }, emoji, reactMs };
}
