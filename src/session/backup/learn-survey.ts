import { type ImportPlan, sharePlanNames, type Survey, type SurveyChat } from '../../backup/task.js';
import { isLid, isPerson } from '../../domain/jid.js';
import { ImportStage } from '../../gen/scrollback/store/v1/record_pb.js';
import { putBackfill } from '../../store/backfills.js';
import { nameRank } from '../../store/chat-settings.js';
import { type ChatFacts, putChat } from '../../store/directory.js';
import { backfillOf } from '../backfill/backfill.js';
import { type RunContext, setCheckpoint, startOf } from './run-context.js';

/**
 * Learns what a survey found before any message is read: which LIDs stand for which numbers (messages that are stored under a LID are
 * rewritten here), and the chats with their numbers. Returns what the page tasks need. Doing it again changes nothing.
 */
export async function learnSurvey(context: RunContext, survey: Survey): Promise<ImportPlan> {
  const { backfill, store, commit } = context;
  await store.learnMappings(survey.mappings, commit);
  while (store.resolving) await store.resolveStep(commit);
  const extraMappings = await store.mappingsOf(survey.unresolvedLids);
  const phones = new Map([...survey.mappings, ...extraMappings]);
  const chats = uniteChats(survey.chats, phones);
  const numbers: [string, number][] = [];
  for (let at = 0; at < chats.length; at += CHATS_PER_COMMIT) {
    await commit(async (building) => {
      for (const facts of chats.slice(at, at + CHATS_PER_COMMIT)) {
        numbers.push([facts.jid, await putChat(building, facts, survey.asOfMs)]);
      }
    });
  }
  await rememberSurvey(context, survey, chats.length);
  return {
    planId: nextPlanId++,
    databasePath: backfill.files.databasePath,
    names: sharePlanNames({ extraMappings, chats: numbers }),
    sideIndexes: survey.sideIndexes,
    messageMaxId: survey.messageMaxId,
    legacyMaxId: survey.legacyMaxId,
    asOfMs: survey.asOfMs,
  };
}

async function rememberSurvey({ backfill, commit }: RunContext, survey: Survey, chats: number): Promise<void> {
  if (startOf(backfill.record, ImportStage.CHATS) === undefined) return;
  const record = backfill.draft();
  const shown = backfillOf(record);
  shown.rowsTotal = BigInt(survey.messageMaxId + survey.legacyMaxId);
  shown.chats = BigInt(chats);
  shown.warnings.push(...survey.warnings);
  setCheckpoint(record, ImportStage.MESSAGES, 0);
  await commit((building) => {
    putBackfill(building, record);
    if (survey.ownerName !== '' && BigInt(survey.asOfMs) >= building.state.ownerNameAsOfMs) {
      building.state.ownerName = survey.ownerName;
      building.state.ownerNameAsOfMs = BigInt(survey.asOfMs);
    }
    return Promise.resolve();
  });
  backfill.publish(record);
}

/** Several rows may be one chat: of a person, one by phone number and one by LID. */
function uniteChats(chats: SurveyChat[], phones: ReadonlyMap<string, string>): ChatFacts[] {
  const united = new Map<string, ChatFacts>();
  for (const chat of chats) {
    const jid = isLid(chat.jid) ? (phones.get(chat.jid) ?? chat.jid) : chat.jid;
    const alternateJids = jid === chat.jid ? [] : [chat.jid];
    // The names of people come with the contacts.
    const name = isPerson(jid) ? '' : chat.name;
    const rank = name === '' ? nameRank.none : nameRank.subject;
    const known = united.get(jid);
    if (known === undefined) {
      const { createMs, archived, unreadCount, ephemeralSeconds } = chat;
      const settings = { archived, unreadCount, ephemeralSeconds };
      united.set(jid, { jid, alternateJids, name, nameRank: rank, createMs, settings });
      continue;
    }
    known.alternateJids.push(...alternateJids);
    if (known.name === '') Object.assign(known, { name, nameRank: rank });
    if (known.createMs === 0 || (chat.createMs > 0 && chat.createMs < known.createMs)) known.createMs = chat.createMs;
    const { archived = false, unreadCount = 0, ephemeralSeconds = 0 } = known.settings;
    known.settings = {
      archived: archived || chat.archived,
      unreadCount: Math.max(unreadCount, chat.unreadCount),
      ephemeralSeconds: Math.max(ephemeralSeconds, chat.ephemeralSeconds),
    };
  }
  return [...united.values()];
}

/** Plans are told apart for as long as the process lives. */
let nextPlanId = 1;

const CHATS_PER_COMMIT = 2000;
