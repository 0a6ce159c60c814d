import { create, fromBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { LiveEvent } from '../../src/domain/live-event.js';
import { GroupSchema } from '../../src/gen/scrollback/v1/history_service_pb.js';
import { DeliveryState, MessageKind, MessageSchema, Source } from '../../src/gen/scrollback/v1/message_pb.js';
import { putChat, putGroup } from '../../src/store/directory.js';
import { putContact } from '../../src/store/people.js';
import { aHistory } from '../support/a-history.js';
import { chatNamed, importDrafts, personNamed, readAll } from '../support/history.js';
import { aKey, aLiveMessage, aText, recordAll } from '../support/live-events.js';
import { GROUP } from '../support/one-account.js';
import { aPage } from '../support/page-builder.js';
import { mappingOf } from '../support/union.js';

const ANNA = '491701111111@s.whatsapp.net';
const ANNA_LID = '7001@lid';
const BERT_LID = '7002@lid';
const BERT = '491702222222@s.whatsapp.net';

const LEARNED: LiveEvent = mappingOf('anna');

describe('two chats that turn out to be one', () => {
  it('are told whole to who follows one of them by its LID', async () => {
    const store = await aHistory();
    await recordAll(store, [aLiveMessage(aKey(ANNA, 'old')), aLiveMessage(aKey(ANNA_LID, 'new'))]);
    const told = new Map<string, string>();
    let cursor = { revision: 0, index: 0 };
    const follow = async (): Promise<void> => {
      while (cursor.revision <= store.revision) {
        const filter = { chat: ANNA_LID, kinds: new Set<number>(), direction: undefined };
        const bounds = { maxMessages: 10, maxBytes: 2 ** 20 };
        const batch = await store.nextChanges(filter, cursor, bounds, AbortSignal.timeout(60_000));
        if (batch === undefined) throw new Error('nothing came');
        for (const { chatJid, messageId } of batch.removed) told.delete(`${messageId} in ${chatJid}`);
        for (const bytes of batch.messages) {
          const { key } = fromBinary(MessageSchema, bytes);
          told.set(`${key?.messageId ?? ''} in ${key?.chatJid ?? ''}`, '');
        }
        cursor = batch.resume;
      }
    };
    await follow();
    expect([...told.keys()]).toEqual([`new in ${ANNA_LID}`]);
    await recordAll(store, [LEARNED]);
    await follow();
    expect([...told.keys()].sort()).toEqual([`new in ${ANNA}`, `old in ${ANNA}`]);
  });

  it('have the votes of both, also when the poll was in the other one', async () => {
    const store = await aHistory();
    const poll = { options: ['yes', 'no'], selectableCount: 1 };
    const content = { kind: MessageKind.POLL, waType: 66, text: 'which?', viewOnce: false, forwardScore: 0 };
    const vote = { payload: Buffer.from('sealed'), iv: Buffer.alloc(12), voterNames: [], authorNames: [] };
    const events: LiveEvent[] = [
      aLiveMessage(aKey(ANNA_LID, 'poll'), {
        content: { ...content, mentionedJids: [], albumMessageId: '', poll },
        secret: Buffer.from('secret'),
      }),
      {
        type: 'sealed-vote',
        key: aKey(ANNA, 'poll'),
        actor: { jid: '', fromMe: true },
        vote,
        voteMs: 1_700_000_001_000,
      },
      LEARNED,
    ];
    for (const event of events) {
      await store.commit((commit) =>
        store.recordLive(commit, [event], () => [createHash('sha256').update('yes').digest()]),
      );
    }
    while (store.resolving) await store.resolveStep((build) => store.commit(build));
    const votes = (await readAll(store)).map(({ poll: stored }) =>
      stored?.votes.map(({ optionIndexes }) => optionIndexes),
    );
    expect(votes).toEqual([[[0]]]);
  });

  it('hold a message once that a backup brings under the LID while what waits for it waits there', async () => {
    const store = await aHistory();
    const lidChat = await store.commit((commit) => putChat(commit, chatNamed(ANNA_LID), 0));
    await recordAll(store, [
      aLiveMessage(aKey(ANNA, 'one')),
      { type: 'receipt', key: aKey(ANNA_LID, 'one'), state: 5, memberJid: '' },
    ]);
    await store.commit((commit) => store.recordLive(commit, [LEARNED], () => undefined));
    // The backup's reader began before the number was known.
    const page = aPage(new Map([[ANNA_LID, lidChat]]), [{ chat: ANNA_LID, id: 'one' }]);
    await store.commit((commit) => store.mergePage(commit, page, [ANNA_LID]));
    while (store.resolving) await store.resolveStep((build) => store.commit(build));
    await store.resolveImported((build) => store.commit(build));
    const messages = await readAll(store);
    expect(messages.map(({ key, sources }) => [key?.chatJid, sources])).toEqual([[ANNA, [Source.BACKUP, Source.LIVE]]]);
  });

  it('keep what was deleted deleted under every id that it had', async () => {
    const store = await aHistory();
    const edit = { editId: 'edit', editMs: 1_700_000_001_000, content: aText('changed') };
    await importDrafts(store, [{ chat: ANNA, id: 'two' }]);
    await recordAll(store, [{ type: 'edit', key: aKey(ANNA_LID, 'one'), ...edit }]);
    await importDrafts(store, [{ deleted: { chat: ANNA_LID, id: 'one' } }]);
    await recordAll(store, [LEARNED]);
    await importDrafts(store, [{ chat: ANNA, id: 'edit' }]);
    expect((await readAll(store)).map(({ key }) => key?.messageId)).toEqual(['two']);
  });
});

it('a message of the owner got as far as with the last member, also when a backup brings it after the receipts', async () => {
  const store = await aHistory();
  const member = (jid: string) => ({ jid, rank: 'member' as const, fromMe: false });
  const key = aKey(GROUP, 'one', { fromMe: true });
  await recordAll(store, [
    {
      type: 'group',
      group: { jid: GROUP, subject: '', createMs: 0, members: [member(ANNA), member(BERT)], asOfMs: 1 },
    },
    { type: 'receipt', key, state: 4, memberJid: ANNA },
    { type: 'receipt', key, state: 3, memberJid: BERT },
  ]);
  await importDrafts(store, [{ chat: GROUP, id: 'one', fromMe: true, more: { sentTime: timestampFromMs(1000) } }]);
  expect((await readAll(store)).map(({ deliveryState }) => deliveryState)).toEqual([DeliveryState.DELIVERED]);
});

it('what a backup tells under a LID whose number was learned meanwhile is of the number', async () => {
  const store = await aHistory();
  await recordAll(store, [LEARNED]);
  await store.commit(async (commit) => {
    await putChat(commit, chatNamed(ANNA_LID), 1000);
    await putContact(commit, personNamed(ANNA_LID, 'Anna'), 1000);
    await putGroup(commit, create(GroupSchema, { jid: GROUP, members: [{ jid: ANNA_LID }, { jid: BERT_LID }] }), 1000);
  });
  expect(await store.getChat(ANNA)).toMatchObject({ jid: ANNA, alternateJids: [ANNA_LID], name: 'Anna' });
  const { items: people } = await store.listContacts(undefined, 10);
  expect(people.map(({ jid, alternateJids }) => [jid, alternateJids])).toEqual([[ANNA, [ANNA_LID]]]);
  const members = async (): Promise<string[]> => {
    const { items } = await store.listGroups(undefined, 10, 2 ** 20);
    return items.flatMap((group) => group.members.map(({ jid }) => jid));
  };
  expect(await members()).toEqual([ANNA, BERT_LID]);
  await recordAll(store, [mappingOf('bert')]);
  expect(await members()).toEqual([ANNA, BERT]);
});

it('a LID that a dropped commit was to mark is marked by the next', async () => {
  const store = await aHistory();
  const chatNumber = await store.commit((commit) => putChat(commit, chatNamed(GROUP), 0));
  const page = (): Buffer => aPage(new Map([[GROUP, chatNumber]]), [{ chat: GROUP, id: 'one', sender: ANNA_LID }]);
  const dropped = store.commit(async (commit) => {
    await store.mergePage(commit, page(), [ANNA_LID]);
    throw new Error('stopped');
  });
  await expect(dropped).rejects.toThrow('stopped');
  await store.commit((commit) => store.mergePage(commit, page(), [ANNA_LID]));
  await recordAll(store, [LEARNED]);
  expect((await readAll(store)).map(({ key }) => key?.senderJid)).toEqual([ANNA]);
});
