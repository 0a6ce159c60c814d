/**
 * What of a history is known to be complete: stretches of time of which everything that the source could tell is kept. Both ends
 * are inclusive, in ms since 1970; 0 as the start means that nothing older is missing.
 */
export interface Stretch {
  fromMs: number;
  toMs: number;
  source: CoverageSource;
}

/** A time of which nothing is known to be complete. */
export interface Gap {
  fromMs: number;
  toMs: number;
}

/** Who says that a stretch is complete: the public `Source`. */
export const coverageSource = { backup: 1, live: 2, historySync: 3, onDemand: 4 } as const;
export type CoverageSource = (typeof coverageSource)[keyof typeof coverageSource];

/** WhatsApp's times are whole seconds: what is no further apart than that touches. */
const TOUCH_MS = 1000;

/**
 * Joins stretches: those of one source that overlap or touch become one, and each source stays its own. The order of the lists and
 * how often one is joined do not matter. What ends before it starts says nothing. The result is in ascending order.
 */
export function joinStretches(...lists: readonly (readonly Stretch[])[]): Stretch[] {
  const sorted = lists
    .flat()
    .filter(({ fromMs, toMs }) => fromMs <= toMs)
    .sort((a, b) => a.source - b.source || a.fromMs - b.fromMs);
  const joined: Stretch[] = [];
  for (const stretch of sorted) {
    const last = joined.at(-1);
    if (last?.source === stretch.source && stretch.fromMs - last.toMs <= TOUCH_MS) {
      last.toMs = Math.max(last.toMs, stretch.toMs);
    } else {
      joined.push({ ...stretch });
    }
  }
  return joined.sort(byStart);
}

/** The longest of some stretches, at most `MAX_STRETCHES`: forgetting one claims less, filling what lies between two would claim more. */
export function boundStretches(stretches: Stretch[]): Stretch[] {
  if (stretches.length <= MAX_STRETCHES) return stretches;
  const length = ({ fromMs, toMs }: Stretch): number => toMs - fromMs;
  return stretches
    .toSorted((a, b) => length(b) - length(a) || b.fromMs - a.fromMs)
    .slice(0, MAX_STRETCHES)
    .sort(byStart);
}

/** How many stretches are kept of a chat, and of the whole account. A year of weekly outages has some fifty. */
export const MAX_STRETCHES = 256;

/** The times from `fromMs` to `untilMs` that no stretch covers, ascending; what is no longer than a second is none. */
export function gapsOf(stretches: readonly Stretch[], fromMs: number, untilMs: number): Gap[] {
  const gaps: Gap[] = [];
  let coveredMs = fromMs;
  for (const stretch of stretches.toSorted(byStart)) {
    const toMs = Math.min(stretch.fromMs, untilMs);
    if (toMs - coveredMs > TOUCH_MS) gaps.push({ fromMs: coveredMs, toMs });
    coveredMs = Math.max(coveredMs, stretch.toMs);
  }
  if (untilMs - coveredMs > TOUCH_MS) gaps.push({ fromMs: coveredMs, toMs: untilMs });
  return gaps;
}

/** A connection of the link, as far as it says something of completeness. */
export interface LiveConnection {
  /** When WhatsApp let it in. */
  openedMs: number;
  /** The last sign of life: nothing is claimed of what comes after it. */
  heardMs: number;
  /** True when WhatsApp said that everything that had waited for the link was delivered. */
  caughtUp: boolean;
}

/** What is known of the link, beside the stretches of the whole account. */
export interface LiveStanding {
  stretches: Stretch[];
  /** Since when WhatsApp keeps for this device what it has not delivered yet; 0 when that is not known. */
  queueFromMs: number;
}

/**
 * What a connection makes of a standing. While it lives it covers itself. When WhatsApp has delivered what waited, it covers the
 * outage before it too, as far back as WhatsApp keeps what waits. Doing it again with the same connection, or later in its life,
 * changes nothing more.
 */
export function withConnection(standing: LiveStanding, { openedMs, heardMs, caughtUp }: LiveConnection): LiveStanding {
  if (heardMs < openedMs) return standing;
  const queueFromMs = standing.queueFromMs === 0 ? openedMs : standing.queueFromMs;
  const keptFromMs = Math.max(queueFromMs, openedMs - QUEUE_KEPT_MS);
  const fromMs = caughtUp ? Math.min(openedMs, keptFromMs) : openedMs;
  return {
    stretches: joinStretches(standing.stretches, [{ fromMs, toMs: heardMs, source: coverageSource.live }]),
    queueFromMs: caughtUp ? Math.max(queueFromMs, heardMs) : queueFromMs,
  };
}

/** WhatsApp keeps what it could not deliver for 30 days; one is taken off, for its clock is not ours. */
export const QUEUE_KEPT_MS = 29 * 24 * 60 * 60 * 1000;

/** The chunks of one history sync that had messages of a chat. */
export interface HistoryTransfer {
  /** When the device was paired that they were sent to: it tells one sync from another. */
  pairedMs: number;
  fromMs: number;
  toMs: number;
  /** True when the phone said that it has sent everything of the chat that it was going to send. */
  ended: boolean;
}

/** Joins what two chunks say of a chat. Of two syncs the later one stays. */
export function joinTransfers(a: HistoryTransfer | undefined, b: HistoryTransfer): HistoryTransfer {
  if (a === undefined || a.pairedMs < b.pairedMs) return b;
  if (a.pairedMs > b.pairedMs) return a;
  return {
    pairedMs: a.pairedMs,
    fromMs: Math.min(a.fromMs, b.fromMs),
    toMs: Math.max(a.toMs, b.toMs),
    ended: a.ended || b.ended,
  };
}

function byStart(a: Stretch, b: Stretch): number {
  return a.fromMs - b.fromMs || a.toMs - b.toMs || a.source - b.source;
}
