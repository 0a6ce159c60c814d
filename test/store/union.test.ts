import { expect, it } from 'vitest';
import type { Fact } from '../support/one-account.js';
import { expectSameHistories } from '../support/same-history.js';
import { type Delivery, deliver } from '../support/union.js';

it('a history is the same in whatever order backups, the link and its mappings come', async () => {
  await expectSameHistories(25);
});

it('an edit and a reaction that wait for one message are joined when both numbers are learned before either moves', async () => {
  const at = { mappings: [], before: 'nothing', steps: 0, stale: false } satisfies Partial<Delivery>;
  const edit: Fact = { n: 21, lids: [true, false, false], via: 4, tells: { what: 'edit', version: 1 } };
  const reaction: Fact = {
    n: 21,
    lids: [false, false, true],
    via: 2,
    tells: { what: 'reaction', by: 'anna', at: 2, emoji: '❤️' },
  };
  const { rest } = await deliver(
    [
      { ...at, facts: [edit] },
      { ...at, facts: [reaction] },
      { ...at, facts: [], mappings: ['bert'] },
    ],
    ['anna'],
  );
  const waiting = rest.filter((line) => line.includes(' waits '));
  expect(waiting).toHaveLength(1);
  expect(waiting[0]).toContain('text 21 as edited 1');
  expect(waiting[0]).toContain('❤️');
});
