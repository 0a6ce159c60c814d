import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LiveEvent } from '../../src/domain/live-event.js';
import { openHistory, type TemporaryHistory } from '../support/history.js';
import { aKey, aLiveMessage, recordAll } from '../support/live-events.js';

const ANNA = '491701111111@s.whatsapp.net';
const ANNA_LID = '7001@lid';
const BERT = '491702222222@s.whatsapp.net';

let history: TemporaryHistory;
beforeEach(async () => {
  history = await openHistory();
  await recordAll(history.store, [aLiveMessage(aKey(ANNA, 'A')), aLiveMessage(aKey(BERT, 'B'))]);
});
afterEach(() => history.remove());

const chat = (more: Partial<Extract<LiveEvent, { type: 'chat' }>['chat']>): LiveEvent => {
  return { type: 'chat', chat: { jid: ANNA, asOfMs: 5000, ...more } };
};

it.each<[string, LiveEvent]>([
  ['archived', chat({ archived: true })],
  ['muted', chat({ muteEndMs: 9000 })],
  ['pinned', chat({ pinMs: 4000 })],
  ['marked as unread', chat({ markedUnread: true })],
  ['read', chat({ unreadCount: 3 })],
  ['named', { type: 'contact', contact: { jid: ANNA, name: 'Anna', pushName: '', username: '', asOfMs: 5000 } }],
  ['known by another address', { type: 'lid-mapping', lid: ANNA_LID, phone: ANNA }],
])('a chat that is %s has a new revision, also after a restart, and no other chat has', async (_, event) => {
  // The LID has a chat of its own, so that the mapping changes an address.
  await recordAll(history.store, [{ type: 'chat', chat: { jid: ANNA_LID, asOfMs: 1, name: '' } }]);
  const before = await history.store.getChat(ANNA);
  const other = await history.store.getChat(BERT);
  await recordAll(history.store, [event]);
  const after = await history.store.getChat(ANNA);
  expect(after?.revision).toBeGreaterThan(before?.revision ?? 0n);
  expect(after).toMatchObject({ messageCount: 1n, lastMessageTime: before?.lastMessageTime });
  expect(await history.store.getChat(BERT)).toEqual(other);
  await recordAll(history.store, [event]);
  expect(await history.store.getChat(ANNA)).toEqual(after);
  await history.store.close();
  history = await openHistory(history.directory);
  expect(await history.store.getChat(ANNA)).toEqual(after);
});

it('a chat of which the same is told later has no new revision', async () => {
  await recordAll(history.store, [chat({ archived: true })]);
  const before = await history.store.getChat(ANNA);
  await recordAll(history.store, [chat({ archived: true, asOfMs: 6000 })]);
  expect(await history.store.getChat(ANNA)).toEqual(before);
  await recordAll(history.store, [chat({ archived: false, asOfMs: 5500 })]);
  expect(await history.store.getChat(ANNA)).toMatchObject({ archived: true });
});
