import { timestampMs } from '@bufbuild/protobuf/wkt';
import { coverageSource } from '../../domain/coverage.js';
import { DomainError } from '../../domain/fault.js';
import type { BackfillRecord, PhoneCheckpoint } from '../../gen/scrollback/store/v1/record_pb.js';
import type { Chat } from '../../gen/scrollback/v1/history_service_pb.js';
import { addCoverage } from '../../store/coverage.js';
import { backfillOf, countMessages } from './backfill.js';
import type { LinkRun } from './link-run.js';
import { askChat, type ChatOutcome, isAsked } from './older-chat.js';
import type { Phone } from './phone.js';

/**
 * Asks the phone for messages that are older than what is known, chat after chat: the work of two kinds of backfill, which differ in
 * what their checkpoint says. A chat about which the phone keeps silent is asked about once more at the end. Each answer is counted and
 * committed with the place that it reaches, so that the same call goes on there after a crash or a lost connection.
 */
export async function askForOlder(run: LinkRun, phone: Phone): Promise<void> {
  // How many chats in a row got no answer, and how many pauses were made because of that.
  let silentInRow = 0;
  let pauses = 0;
  for (;;) {
    await listChats(run);
    const { chats, silent, again } = checkpointOf(run.backfill.record);
    if (silentInRow >= AWAY_AFTER || (chats.length === 0 && silentInRow > 0 && silent.length > 0 && !again)) {
      if (pauses++ === MAX_PAUSES) break;
      await run.waitFor(phone.pause(phone.answerMs * PAUSE_ANSWERS, run.signal));
      run.signal.throwIfAborted();
      // The next chat shows whether it is back.
      silentInRow = AWAY_AFTER - 1;
    }
    const [jid] = chats;
    if (jid === undefined) {
      if (silent.length === 0 || again) break;
      await run.save((record) => Promise.resolve(beginAgain(checkpointOf(record))));
      continue;
    }
    const outcome = await askAbout(jid, run, phone);
    if (outcome === 'silent') silentInRow++;
    else if (outcome === 'done') silentInRow = pauses = 0;
    await run.save((record) => Promise.resolve(leaveChat(record, jid, outcome)));
  }
  await finish(run);
}

async function askAbout(jid: string, run: LinkRun, phone: Phone): Promise<ChatOutcome> {
  const place = checkpointOf(run.backfill.record);
  const fromMs = Number(place.fromMs);
  const task = {
    jid,
    untilMs: Number(place.untilMs),
    maxMessages: place.maxMessages === 0 ? Infinity : place.maxMessages,
    fromMs: fromMs > 0 && place.reachedMs > 0n ? Number(place.reachedMs) : fromMs,
    added: place.chatAdded,
  };
  return askChat(task, {
    phone,
    signal: run.signal,
    read: (work) => run.session.use(work),
    connection: () => run.connection(),
    answered: (answer, reachedMs, covered) =>
      run.save(async (record, commit) => {
        const shown = backfillOf(record);
        shown.chunks++;
        countMessages(shown, answer.counts);
        const checkpoint = checkpointOf(record);
        checkpoint.chatAdded += answer.counts.added;
        if (reachedMs !== undefined) checkpoint.reachedMs = BigInt(reachedMs);
        if (covered !== undefined)
          await addCoverage(commit, { chat: jid, ...covered, source: coverageSource.onDemand });
      }),
  });
}

/** Puts more chats into an empty list; a reconciliation knows all of its chats after the first time. */
async function listChats(run: LinkRun): Promise<void> {
  const { chats, listed } = checkpointOf(run.backfill.record);
  if (chats.length > 0 || listed) return;
  await run.save(async (record, _commit, store) => {
    const checkpoint = checkpointOf(record);
    const { items } = await store.listChats(ALL_KINDS, undefined, Number.MAX_SAFE_INTEGER);
    const asked = items.filter(({ jid }) => isAsked(jid));
    if (checkpoint.fromMs > 0n) listRecent(record, asked);
    else listNext(checkpoint, asked);
  });
}

/** Chats in the order of their addresses, which news cannot change. */
function listNext(checkpoint: PhoneCheckpoint, asked: Chat[]): void {
  const rest = asked
    .map(({ jid }) => jid)
    .filter((jid) => jid > checkpoint.listedThrough)
    .sort();
  checkpoint.chats = rest.slice(0, LISTED_AT_ONCE);
  checkpoint.listedThrough = checkpoint.chats.at(-1) ?? checkpoint.listedThrough;
  checkpoint.listed = rest.length <= LISTED_AT_ONCE;
  checkpoint.chatsTotal = asked.length;
}

/** Chats in which something is known since the gap began, the newest first. */
function listRecent(record: BackfillRecord, asked: Chat[]): void {
  const checkpoint = checkpointOf(record);
  const since = Number(checkpoint.untilMs);
  const recent = asked.filter(({ lastMessageTime }) => lastMessageTime && timestampMs(lastMessageTime) > since);
  checkpoint.chats = recent.slice(0, MAX_RECENT).map(({ jid }) => jid);
  checkpoint.listed = true;
  checkpoint.chatsTotal = checkpoint.chats.length;
  const left = recent.length - checkpoint.chats.length;
  if (left > 0) warn(record, `${String(left)} chats with older messages were not asked about`);
}

function beginAgain(checkpoint: PhoneCheckpoint): void {
  checkpoint.chats = checkpoint.silent;
  checkpoint.silent = [];
  checkpoint.again = true;
}

function leaveChat(record: BackfillRecord, jid: string, outcome: ChatOutcome): void {
  const backfill = backfillOf(record);
  const checkpoint = checkpointOf(record);
  checkpoint.chats = checkpoint.chats.slice(1);
  checkpoint.reachedMs = 0n;
  checkpoint.chatAdded = 0;
  if (outcome === 'silent') {
    // More of them are not asked about again.
    if (checkpoint.silent.length < MAX_SILENT) checkpoint.silent.push(jid);
    return;
  }
  checkpoint.chatsDone++;
  if (outcome === 'no-anchor') checkpoint.withoutAnchor++;
  else backfill.chats++;
  const percent = Math.floor((100 * checkpoint.chatsDone) / Math.max(1, checkpoint.chatsTotal));
  backfill.progressPercent = Math.min(99, Math.max(percent, backfill.progressPercent ?? 0));
}

/** Says what could not be asked for. Throws PHONE_SILENT when that is everything. */
async function finish(run: LinkRun): Promise<void> {
  const { silent, chats, withoutAnchor, chatsTotal, chatsDone, listed } = checkpointOf(run.backfill.record);
  const unanswered = [...silent, ...chats];
  if (unanswered.length > 0 && backfillOf(run.backfill.record).chunks === 0n) {
    throw new DomainError({ reason: 'PHONE_SILENT', sessionId: run.session.record.sessionId });
  }
  if (unanswered.length === 0 && withoutAnchor === 0) return;
  await run.save((record) => {
    if (withoutAnchor > 0) {
      warn(record, `of ${String(withoutAnchor)} chats no message is known, so that the phone could not be asked`);
    }
    for (const jid of unanswered.slice(0, MAX_NAMED)) warn(record, `the phone did not answer about ${jid}`);
    const left = listed ? unanswered.length : Math.max(unanswered.length, chatsTotal - chatsDone);
    if (left > MAX_NAMED) warn(record, `nor about ${String(left - MAX_NAMED)} other chats`);
    return Promise.resolve();
  });
}

/** A warning is there once, however often its step is taken. */
function warn(record: BackfillRecord, warning: string): void {
  const { warnings } = backfillOf(record);
  if (!warnings.includes(warning)) warnings.push(warning);
}

function checkpointOf(record: BackfillRecord): PhoneCheckpoint {
  if (record.phone === undefined) throw new Error('a backfill that asks the phone does not know for what');
  return record.phone;
}

const ALL_KINDS: ReadonlySet<number> = new Set();

/** The lists are rewritten with each answer: some 30 bytes for each chat. */
const LISTED_AT_ONCE = 64;
const MAX_SILENT = 256;

/** Part of the public contract. */
const MAX_RECENT = 256;

/** After so many chats without an answer the phone is taken to be away, and is asked again after a pause of so many times to answer. */
const AWAY_AFTER = 3;
const PAUSE_ANSWERS = 5;

/** Half an hour, with the usual times; then what was found is all. */
const MAX_PAUSES = 6;

/** Warnings are for people. */
const MAX_NAMED = 20;
