import { describe, expect, it } from 'vitest';
import type { LiveEvent } from '../../src/domain/live-event.js';
import { inAnyOrder } from '../support/any-order.js';
import { openHistory, readAll } from '../support/history.js';
import { aKey, aLiveMessage, recordAll } from '../support/live-events.js';
import type { MessageDraft } from '../support/page-builder.js';

const ANNA = '491701111111@s.whatsapp.net';
const ANNA_LID = '7001@lid';
const GROUP = '120363000000000001@g.us';
const START = 1_700_000_000_000;

function clear(chatJid: string, throughMs: number, keepsStarred = false): LiveEvent {
  return { type: 'clear', chatJid, throughMs, keepsStarred };
}

describe('a chat that the owner cleared', () => {
  it('is empty up to then, whatever comes in whichever order', async () => {
    const live: LiveEvent[] = [
      aLiveMessage(aKey(ANNA, 'A1'), { sentMs: START }),
      aLiveMessage(aKey(ANNA_LID, 'A2'), { sentMs: START + 1000 }),
      aLiveMessage(aKey(ANNA, 'A3'), { sentMs: START + 9000 }),
      aLiveMessage(aKey(GROUP, 'A1', { sender: ANNA_LID }), { sentMs: START }),
      aLiveMessage(aKey(GROUP, 'A2', { sender: ANNA_LID }), { sentMs: START }),
      { type: 'reaction', key: aKey(ANNA, 'A1'), actor: { jid: ANNA, fromMe: false }, emoji: '👍', reactMs: START },
      { type: 'lid-mapping', lid: ANNA_LID, phone: ANNA },
      { type: 'deletion', key: aKey(GROUP, 'A1', { sender: ANNA }) },
      clear(ANNA_LID, START + 5000),
      clear(ANNA, START + 500),
    ];
    const backup: MessageDraft[] = [
      { chat: ANNA, id: 'A1', sentMs: START + 123 },
      { chat: ANNA, id: 'B1', sentMs: START + 2000 },
      { chat: ANNA_LID, id: 'B2', sentMs: START + 2000 },
      { chat: GROUP, id: 'A1', sender: ANNA, sentMs: START },
    ];
    await inAnyOrder(live, backup, async (bring) => {
      const { store, remove } = await openHistory();
      try {
        await store.beginImport(10);
        await bring(store);
        // What an import brought under LIDs whose numbers it did not know: `backfill-run.ts` does the same.
        await store.resolveImported((build) => store.commit(build));
        const found = (await readAll(store)).map(({ key }) => `${key?.chatJid ?? ''} ${key?.messageId ?? ''}`);
        expect(found.sort()).toEqual([`${GROUP} A2`, `${ANNA} A3`].sort());
        expect((await store.getChat(ANNA))?.messageCount).toBe(1n);
      } finally {
        await remove();
      }
    });
  });

  it('is emptied in steps, which go on after a crash', async () => {
    let { store, directory, remove } = await openHistory();
    const again = async (): Promise<void> => {
      await store.close();
      ({ store, directory, remove } = await openHistory(directory));
    };
    try {
      const messages = Array.from({ length: 2000 }, (_, n) =>
        aLiveMessage(aKey(ANNA, `A${String(n)}`), { sentMs: START + n * 1000, starred: n === 7 }),
      );
      await recordAll(store, messages);
      const through = clear(ANNA, START + 1899 * 1000, true);
      await store.commit((commit) => store.recordLive(commit, [through], () => undefined));
      const counts: number[] = [];
      while (store.resolving) {
        await again();
        await store.resolveStep((build) => store.commit(build));
        counts.push(store.messageCount);
      }
      // Each step is bounded, and none removes what another one kept.
      expect(counts.length).toBeGreaterThan(3);
      const found = await readAll(store);
      expect(found).toHaveLength(101);
      expect(found[0]).toMatchObject({ starred: true, key: { messageId: 'A7' } });
      expect(found[1]?.key?.messageId).toBe('A1900');
      await recordAll(store, [clear(ANNA, START + 1899 * 1000)]);
      expect(await readAll(store)).toHaveLength(100);
    } finally {
      await remove();
    }
  });
});
