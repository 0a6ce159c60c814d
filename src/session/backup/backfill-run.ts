import { timestampMs } from '@bufbuild/protobuf/wkt';
import { control, type Survey } from '../../backup/task.js';
import { type BackfillRecord, ImportStage } from '../../gen/scrollback/store/v1/record_pb.js';
import { coverageSource } from '../../domain/coverage.js';
import { addCoverage } from '../../store/coverage.js';
import { putBackfill } from '../../store/backfills.js';
import { backfillOf } from '../backfill/backfill.js';
import { importDirectory } from './import-directory.js';
import { importMessages } from './import-messages.js';
import { learnSurvey } from './learn-survey.js';
import { type RunContext, saveRecord, setCheckpoint, startOf, taskError } from './run-context.js';

/**
 * Does what is left of a backfill, from decryption to the last group: the whole import, in its order. Each step commits what it
 * did together with the checkpoint behind it, so that the same call goes on where a killed process stopped. Returns the record of its end,
 * which is durable and not yet published. Throws `DomainError` with a `BackupFault` when the backup cannot be imported, and whatever the
 * store throws.
 */
export async function runBackfill(context: RunContext): Promise<BackfillRecord> {
  const { backfill, store } = context;
  if (!backfill.record.decrypted) await decrypt(context);
  const known = store.mappingsFromLink;
  const survey = await surveyDatabase(context);
  const plan = await learnSurvey(context, survey);
  const isFirstRun = startOf(backfill.record, ImportStage.MESSAGES) === 0;
  try {
    await importMessages(context, plan, 'message', ImportStage.MESSAGES, survey.messageMaxId);
    await importMessages(context, plan, 'messages', ImportStage.LEGACY_MESSAGES, survey.legacyMaxId);
    // A process before this one may have learned some, too.
    if (!isFirstRun || store.mappingsFromLink !== known) await store.resolveImported(context.commit);
  } finally {
    store.endImport();
  }
  await importDirectory(context, plan, 'contacts', ImportStage.CONTACTS, survey.asOfMs);
  await importDirectory(context, plan, 'groups', ImportStage.GROUPS, survey.asOfMs);
  const done = backfill.after({ event: 'imported' });
  const counts = backfillOf(done);
  counts.rowsTotal = counts.rowsRead;
  setCheckpoint(done, ImportStage.DONE, 0);
  // Its clock may have been ahead of ours: nothing is claimed of a time that is still to come.
  const toMs = counts.endTime === undefined ? survey.asOfMs : Math.min(survey.asOfMs, timestampMs(counts.endTime));
  await context.commit(async (building) => {
    putBackfill(building, done);
    if (toMs > 0) await addCoverage(building, { fromMs: 0, toMs, source: coverageSource.backup });
  });
  return done;
}

async function decrypt({ backfill, pool, sourcePath, maxInflatedBytes, commit }: RunContext): Promise<void> {
  const slots = new Int32Array(backfill.control);
  const total = Number(backfillOf(backfill.record).totalSize);
  const progress = setInterval(() => {
    const record = backfill.draft();
    const done = Math.min(total, Atomics.load(slots, control.progress) * 1024 * 1024);
    backfillOf(record).decryptedSize = BigInt(done);
    backfill.publish(record);
  }, PROGRESS_MS);
  try {
    const answer = await pool.decrypt({
      control: backfill.control,
      sourcePath,
      targetPath: backfill.files.databasePath,
      key: backfill.key,
      maxInflatedBytes,
    });
    if (!answer.ok) throw taskError(answer);
    const record = backfill.after({ event: 'decrypted' });
    record.decrypted = true;
    const shown = backfillOf(record);
    shown.decryptedSize = shown.totalSize;
    shown.warnings.push(...answer.warnings);
    setCheckpoint(record, ImportStage.CHATS, 0);
    await saveRecord({ backfill, commit }, record);
  } finally {
    clearInterval(progress);
    backfill.wipeKey();
  }
  // The checkpoint is durable: from here on the upload is not needed any more.
  await backfill.files.removeUpload();
}

async function surveyDatabase({ backfill, pool }: RunContext): Promise<Survey> {
  const answer = await pool.survey({ control: backfill.control, databasePath: backfill.files.databasePath });
  if (!answer.ok) throw taskError(answer);
  return answer.survey;
}

const PROGRESS_MS = 200;
