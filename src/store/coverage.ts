import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  boundStretches,
  coverageSource,
  type HistoryTransfer,
  joinStretches,
  joinTransfers,
  type LiveConnection,
  type LiveStanding,
  type Stretch,
  withConnection,
} from '../domain/coverage.js';
import type { LiveCoverage } from '../domain/live-event.js';
import {
  type CoverageRecord,
  CoverageRecordSchema,
  CoveredStretchSchema,
  TransferRecordSchema,
} from '../gen/scrollback/store/v1/record_pb.js';
import type { Commit } from './commit.js';
import { loadChat } from './directory.js';
import { chatNumberKey, keyspace, prefixKey } from './keyspaces.js';

/** What is known to be complete: of the whole account, or of one chat alone. */
export interface StoredCoverage extends LiveStanding {
  pairedMs: number;
  lostThroughMs: number;
  transfer: HistoryTransfer | undefined;
}

/** The key of what is known of a chat; undefined for the whole account. */
export function coverageKey(chatNumber: number | undefined): Buffer {
  return chatNumber === undefined ? prefixKey(keyspace.coverage) : chatNumberKey(keyspace.coverage, chatNumber);
}

/**
 * Adds a stretch in the commit that stores what it covers: to a chat, by any of its addresses, or to the whole account when `chat` is
 * undefined. A chat that is not stored has none.
 */
export async function addCoverage(commit: Commit, { chat, ...stretch }: Stretch & { chat?: string }): Promise<void> {
  const number = chat === undefined ? undefined : (await loadChat(commit, chat))?.chatNumber;
  if (chat === undefined || number !== undefined) await addStretches(commit, number, [stretch]);
}

/** Adds what a chunk of history says of one chat. */
export async function addChunkCoverage(commit: Commit, chatNumber: number, chunk: LiveCoverage): Promise<void> {
  const { oldestMs, newestMs, source, toldMs } = chunk;
  const toMs = chunk.isLatest ? Math.max(newestMs, toldMs) : newestMs;
  const fromMs = chunk.isWhole ? 0 : oldestMs;
  if (source === coverageSource.onDemand) return addStretches(commit, chatNumber, [{ fromMs, toMs, source }]);
  await addStretches(commit, chatNumber, [{ fromMs: oldestMs, toMs, source }]);
  const { pairedMs, lostThroughMs } = await load(commit, undefined);
  // One that was announced to a device before this one, or when nobody noted pairings, stands for itself.
  if (pairedMs === 0 || toldMs < pairedMs) return;
  const known = await load(commit, chatNumber);
  const { transfer } = known;
  if (transfer !== undefined && transfer.pairedMs < pairedMs) {
    known.stretches = joinStretches(known.stretches, claimsOf(transfer, lostThroughMs));
  }
  known.transfer = joinTransfers(transfer, { pairedMs, fromMs, toMs, ended: chunk.isEnded });
  save(commit, chatNumber, known);
}

/** What the chunks of a sync cover together, when none of them is still to come: a chunk that was lost leaves a hole somewhere. */
export function claimsOf(transfer: HistoryTransfer | undefined, lostThroughMs: number): Stretch[] {
  if (transfer?.ended !== true || transfer.pairedMs <= lostThroughMs) return [];
  return [{ fromMs: transfer.fromMs, toMs: transfer.toMs, source: coverageSource.historySync }];
}

/**
 * Extends the live stretch by what a connection covers. `lost` says that the device will not be told what waits for it from now on:
 * it was logged out, or another program has taken its place.
 */
export async function addConnection(commit: Commit, connection: LiveConnection, lost: boolean): Promise<void> {
  const known = await load(commit, undefined);
  const next = { ...known, ...withConnection(known, connection) };
  save(commit, undefined, lost ? { ...next, queueFromMs: 0 } : next);
}

/** A device was paired: from now on WhatsApp keeps for it what it cannot deliver. `waits` tells whether chunks of history wait. */
export async function notePairing(commit: Commit, pairedMs: number, waits: boolean): Promise<void> {
  const known = await load(commit, undefined);
  // Which sync they are of cannot be told later.
  const lostThroughMs = waits ? known.pairedMs : known.lostThroughMs;
  save(commit, undefined, { ...known, queueFromMs: pairedMs, pairedMs, lostThroughMs });
}

/** A chunk of history can never be had. */
export async function noteLostHistory(commit: Commit): Promise<void> {
  const known = await load(commit, undefined);
  save(commit, undefined, { ...known, lostThroughMs: known.pairedMs });
}

/** Gives what is known of a chat to the one that it is united with. */
export async function uniteCoverage(commit: Commit, from: number, to: number): Promise<void> {
  const key = coverageKey(from);
  if ((await commit.overlay.get(key)) === undefined) return;
  const gone = await load(commit, from);
  const known = await load(commit, to);
  const { lostThroughMs } = await load(commit, undefined);
  const { transfer } = gone;
  known.stretches = joinStretches(known.stretches, gone.stretches);
  if (transfer !== undefined) {
    const [earlier] = [transfer, known.transfer ?? transfer].sort((a, b) => a.pairedMs - b.pairedMs);
    known.transfer = joinTransfers(known.transfer, transfer);
    if (earlier !== undefined && earlier.pairedMs < known.transfer.pairedMs) {
      known.stretches = joinStretches(known.stretches, claimsOf(earlier, lostThroughMs));
    }
  }
  commit.overlay.delete(key);
  save(commit, to, known);
}

async function addStretches(commit: Commit, chatNumber: number | undefined, stretches: Stretch[]): Promise<void> {
  const known = await load(commit, chatNumber);
  save(commit, chatNumber, { ...known, stretches: joinStretches(known.stretches, stretches) });
}

async function load(commit: Commit, chatNumber: number | undefined): Promise<StoredCoverage> {
  return decodeCoverage(await commit.overlay.get(coverageKey(chatNumber)));
}

/** Returns what a record says; nothing is known where there is none. */
export function decodeCoverage(value: Buffer | undefined): StoredCoverage {
  const record = value === undefined ? create(CoverageRecordSchema) : fromBinary(CoverageRecordSchema, value);
  return {
    stretches: stretchesOf(record),
    queueFromMs: Number(record.queueFromMs),
    pairedMs: Number(record.pairedMs),
    lostThroughMs: Number(record.lostThroughMs),
    transfer: record.transfer && {
      pairedMs: Number(record.transfer.pairedMs),
      fromMs: Number(record.transfer.fromMs),
      toMs: Number(record.transfer.toMs),
      ended: record.transfer.ended,
    },
  };
}

function stretchesOf({ stretches }: CoverageRecord): Stretch[] {
  const known: ReadonlySet<number> = new Set(Object.values(coverageSource));
  return stretches.flatMap(({ fromMs, toMs, source }) =>
    // Safety: it is one of the values. One that a later version wrote is not understood here, which claims less.
    known.has(source) ? [{ fromMs: Number(fromMs), toMs: Number(toMs), source: source as Stretch['source'] }] : [],
  );
}

function save(commit: Commit, chatNumber: number | undefined, coverage: StoredCoverage): void {
  const { transfer } = coverage;
  const record = create(CoverageRecordSchema, {
    stretches: boundStretches(coverage.stretches).map(({ fromMs, toMs, source }) =>
      create(CoveredStretchSchema, { fromMs: BigInt(fromMs), toMs: BigInt(toMs), source }),
    ),
    queueFromMs: BigInt(coverage.queueFromMs),
    pairedMs: BigInt(coverage.pairedMs),
    lostThroughMs: BigInt(coverage.lostThroughMs),
  });
  if (transfer !== undefined) {
    record.transfer = create(TransferRecordSchema, {
      pairedMs: BigInt(transfer.pairedMs),
      fromMs: BigInt(transfer.fromMs),
      toMs: BigInt(transfer.toMs),
      ended: transfer.ended,
    });
  }
  commit.overlay.put(coverageKey(chatNumber), Buffer.from(toBinary(CoverageRecordSchema, record)));
}
