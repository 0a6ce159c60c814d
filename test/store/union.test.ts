import { expect, it } from 'vitest';
import type { Fact } from '../support/one-account.js';
import { expectSameHistories } from '../support/same-history.js';
import { type Delivery, deliver } from '../support/union.js';

const at = { mappings: [], before: 'nothing', steps: 0, stale: false } satisfies Partial<Delivery>;

it('a history is the same in whatever order backups, the link and its mappings come', async () => {
  await expectSameHistories(25);
});

it('an edit and a reaction that wait for one message are joined when both numbers are learned before either moves', async () => {
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

it.each(['before them', 'after them', 'between them and their message', 'before the members of the group'])(
  'a message reached all members of a group when the number of one, who is in it by their LID, is told %s',
  async (when) => {
    const message: Fact = { n: 4, lids: [false, false, false], via: 2, tells: { what: 'message' } };
    const receipts = (['anna', 'bert', 'carl', 'dora'] as const).map((member): Fact => {
      return { ...message, tells: { what: 'receipt', member, state: 3 } };
    });
    const told: Delivery = { ...at, facts: receipts };
    const mapping: Delivery = { ...at, facts: [], mappings: ['anna'] };
    const said: Delivery = { ...at, facts: [message] };
    const orders: Record<string, Delivery[]> = {
      'before them': [mapping, told, said],
      'after them': [said, told, mapping],
      'between them and their message': [told, mapping, said],
    };
    const { messages } = await deliver(orders[when] ?? [mapping, said, told], [], orders[when] === undefined);
    expect(messages.map(({ deliveryState }) => deliveryState)).toEqual([3]);
  },
);

it('a message is deleted under the id of its edit, also when both come before it', async () => {
  const edit: Fact = { n: 1, lids: [false, false, false], via: 2, tells: { what: 'edit', version: 1 } };
  const deletion: Fact = { ...edit, via: 'backup', tells: { what: 'deletion', version: 1 } };
  const message: Fact = { ...edit, tells: { what: 'message' } };
  for (const order of [
    [edit, deletion, message],
    [deletion, edit, message],
    [message, edit, deletion],
  ]) {
    const { messages } = await deliver(
      order.map((fact) => ({ ...at, facts: [fact] })),
      [],
    );
    expect(messages).toEqual([]);
  }
});
