import { toJson } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect } from 'vitest';
import { MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import { Random } from './synthetic-random.js';
import { type Delivery, deliver, type Outcome, someDeliveries } from './union.js';

const inAnyOrder = fc.record({
  deliveries: someDeliveries,
  seed: fc.nat(),
  mapAtEnd: fc.constantFrom<Delivery['mappings']>([], ['anna'], ['anna', 'bert']),
  cut: fc.integer({ min: 1, max: 12 }),
  groupAtEnd: fc.boolean(),
});

/** The same facts in another order, in other commits, and whose LIDs are known is told at other moments. */
function otherwise(deliveries: readonly Delivery[], seed: number, cut: number): Delivery[] {
  const random = new Random();
  random.start(seed, 0, 0);
  const next = (): number => random.below(1_000_000);
  const shuffled = deliveries
    .flatMap(({ facts }) => facts)
    .map((fact) => ({ fact, at: next() }))
    .sort((a, b) => a.at - b.at);
  const mapped: Delivery[] = [];
  for (let at = 0; at < shuffled.length; at += cut) {
    const facts = shuffled.slice(at, at + cut).map(({ fact }) => fact);
    mapped.push({ facts, mappings: [], before: 'nothing', steps: next() % 4, stale: next() % 2 === 0 });
  }
  for (const mapping of mappingsIn(deliveries)) mapped[next() % mapped.length]?.mappings.push(mapping);
  return mapped;
}

function mappingsIn(deliveries: readonly Delivery[]): Delivery['mappings'] {
  return [...new Set(deliveries.flatMap(({ mappings }) => mappings))];
}

const shown = ({ messages, rest, chats }: Outcome) => ({
  // Sorted: where one id at one instant is in two chats, the chat that came first stands first.
  messages: messages.map((message) => JSON.stringify(toJson(MessageSchema, message))).sort(),
  rest,
  chats,
});

/** Fails unless `numRuns` random accounts are the same in two orders each. Tries as many as it can in `longestMs`. */
export async function expectSameHistories(numRuns: number, longestMs = 90_000): Promise<void> {
  await fc.assert(
    fc.asyncProperty(inAnyOrder, async ({ deliveries, seed, mapAtEnd, cut, groupAtEnd }) => {
      const one = await deliver(deliveries, mapAtEnd);
      const two = await deliver(otherwise(deliveries, seed, cut), mapAtEnd, groupAtEnd);
      expect(shown(two)).toEqual(shown(one));
    }),
    // What it found must be told before the test is ended: making a counterexample small takes minutes.
    { numRuns, interruptAfterTimeLimit: longestMs },
  );
}
