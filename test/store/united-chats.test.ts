import { afterEach, expect, it } from 'vitest';
import { putChat } from '../../src/store/directory.js';
import type { HistoryStore } from '../../src/store/history-store.js';
import { chatNamed, openHistory, readAll, type TemporaryHistory } from '../support/history.js';
import { recordAll } from '../support/live-events.js';
import { aPage } from '../support/page-builder.js';

const ANNA = '491701111111@s.whatsapp.net';
const ANNA_LID = '7001@lid';
const GROUP = '120363000000000001@g.us';

const open: TemporaryHistory[] = [];
afterEach(async () => {
  for (const history of open.splice(0)) await history.remove();
});

async function aHistory(): Promise<HistoryStore> {
  const history = await openHistory();
  open.push(history);
  return history.store;
}

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
  await recordAll(store, [{ type: 'lid-mapping', lid: ANNA_LID, phone: ANNA }]);
  expect((await readAll(store)).map(({ key }) => key?.senderJid)).toEqual([ANNA]);
});
