import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  boundStretches,
  type CoverageSource,
  gapsOf,
  joinStretches,
  joinTransfers,
  MAX_STRETCHES,
  QUEUE_KEPT_MS,
  type Stretch,
  withConnection,
} from '../../src/domain/coverage.js';

const SECOND = 1000;
const sources: CoverageSource[] = [1, 2, 3, 4];
const aTime = fc.integer({ min: 0, max: 60 }).map((seconds) => seconds * SECOND);
const aStretch = fc
  .record({ fromMs: aTime, lengthMs: aTime, source: fc.constantFrom(...sources) })
  .map(({ fromMs, lengthMs, source }): Stretch => ({ fromMs, toMs: fromMs + lengthMs, source }));
const stretches = fc.array(aStretch, { maxLength: 12 });

/** Every second that a stretch of the source covers. */
function secondsOf(list: readonly Stretch[], source?: CoverageSource): Set<number> {
  const seconds = new Set<number>();
  for (const { fromMs, toMs, source: by } of list) {
    if (source !== undefined && by !== source) continue;
    for (let at = fromMs; at <= toMs; at += SECOND) seconds.add(at);
  }
  return seconds;
}

describe('stretches', () => {
  it('are joined in any order, and as often as one likes, to the same', () => {
    fc.assert(
      fc.property(stretches, stretches, stretches, (a, b, c) => {
        const joined = joinStretches(a, b, c);
        expect(joinStretches(c, a, b)).toEqual(joined);
        expect(joinStretches(joinStretches(a, b), c)).toEqual(joined);
        expect(joinStretches(a, joinStretches(b, c))).toEqual(joined);
        expect(joinStretches(joined, a, joined)).toEqual(joined);
      }),
    );
  });

  it('cover, of each source, exactly the seconds that were covered before', () => {
    fc.assert(
      fc.property(stretches, (list) => {
        const joined = joinStretches(list);
        for (const source of sources) expect(secondsOf(joined, source)).toEqual(secondsOf(list, source));
        for (const [i, { toMs, source }] of joined.entries()) {
          for (const next of joined.slice(i + 1)) {
            if (next.source === source) expect(next.fromMs - toMs).toBeGreaterThan(SECOND);
          }
        }
      }),
    );
  });

  it('and their gaps make up the whole time, and nothing is both', () => {
    fc.assert(
      fc.property(stretches, aTime, aTime, (list, a, b) => {
        const [fromMs, untilMs] = [Math.min(a, b), Math.max(a, b)];
        const covered = secondsOf(list);
        const gaps = gapsOf(list, fromMs, untilMs);
        for (let at = fromMs + SECOND; at < untilMs; at += SECOND) {
          const isInside = gaps.some((gap) => gap.fromMs < at && at < gap.toMs);
          // Between two covered seconds lies a gap without a whole second in it, whose ends are covered.
          if (isInside) expect(covered.has(at)).toBe(false);
          else expect(covered.has(at) || gaps.some((gap) => gap.fromMs === at || gap.toMs === at)).toBe(true);
        }
      }),
    );
  });

  it('are bounded by forgetting the shortest, never by claiming what lies between', () => {
    const many = Array.from({ length: MAX_STRETCHES + 40 }, (_, n): Stretch => {
      const fromMs = n * 100 * SECOND;
      return { fromMs, toMs: fromMs + (n + 1) * 10, source: 3 };
    });
    const bounded = boundStretches(joinStretches(many));
    expect(bounded).toEqual(many.slice(40));
  });

  it('that end before they start say nothing', () => {
    expect(joinStretches([{ fromMs: 2, toMs: 1, source: 1 }])).toEqual([]);
    expect(gapsOf([], 5000, 5000)).toEqual([]);
  });
});

describe('a connection', () => {
  const DAY = 24 * 60 * 60 * SECOND;
  const nothing = { stretches: [], queueFromMs: 0 };
  const live = (fromMs: number, toMs: number): Stretch => ({ fromMs, toMs, source: 2 });

  it('covers itself, and the outage before it once everything that waited has come', () => {
    const first = withConnection(nothing, { openedMs: 100 * DAY, heardMs: 101 * DAY, caughtUp: true });
    expect(first.stretches).toEqual([live(100 * DAY, 101 * DAY)]);
    const uncertain = { openedMs: 103 * DAY, heardMs: 104 * DAY, caughtUp: false };
    const second = withConnection(first, uncertain);
    expect(second.stretches).toEqual([live(100 * DAY, 101 * DAY), live(103 * DAY, 104 * DAY)]);
    expect(withConnection(second, { ...uncertain, caughtUp: true }).stretches).toEqual([live(100 * DAY, 104 * DAY)]);
  });

  it('that never caught up leaves the outage to the next one that does', () => {
    const first = withConnection(nothing, { openedMs: 100 * DAY, heardMs: 101 * DAY, caughtUp: true });
    const second = withConnection(first, { openedMs: 103 * DAY, heardMs: 104 * DAY, caughtUp: false });
    const third = withConnection(second, { openedMs: 105 * DAY, heardMs: 106 * DAY, caughtUp: true });
    expect(third.stretches).toEqual([live(100 * DAY, 106 * DAY)]);
  });

  it('covers of a long outage what WhatsApp still keeps', () => {
    const first = withConnection(nothing, { openedMs: 100 * DAY, heardMs: 101 * DAY, caughtUp: true });
    const openedMs = 201 * DAY;
    const { stretches: covered } = withConnection(first, { openedMs, heardMs: openedMs + 5, caughtUp: true });
    expect(covered).toEqual([live(100 * DAY, 101 * DAY), live(openedMs - QUEUE_KEPT_MS, openedMs + 5)]);
  });

  it('says the same again, and nothing when the clock was set back', () => {
    fc.assert(
      fc.property(aTime, aTime, aTime, fc.boolean(), (queueFromMs, openedMs, lengthMs, caughtUp) => {
        const connection = { openedMs: openedMs + SECOND, heardMs: openedMs + SECOND + lengthMs, caughtUp };
        const once = withConnection({ stretches: [], queueFromMs }, connection);
        expect(withConnection(once, connection)).toEqual(once);
      }),
    );
    expect(withConnection(nothing, { openedMs: 5000, heardMs: 4000, caughtUp: true })).toEqual(nothing);
  });
});

describe('the chunks of a history sync', () => {
  const aTransfer = fc.record({
    pairedMs: fc.integer({ min: 1, max: 2 }),
    fromMs: aTime,
    toMs: aTime,
    ended: fc.boolean(),
  });

  it('are joined in any order to the same; those of the later sync count', () => {
    fc.assert(
      fc.property(fc.array(aTransfer, { minLength: 1, maxLength: 6 }), (chunks) => {
        const join = (list: typeof chunks) =>
          list.reduce<(typeof chunks)[number] | undefined>((all, chunk) => joinTransfers(all, chunk), undefined);
        expect(join([...chunks].reverse())).toEqual(join(chunks));
        expect(join([...chunks, ...chunks])).toEqual(join(chunks));
      }),
    );
  });
});
