import { isLid } from '../../src/domain/jid.js';
import { readRecords, recordOp } from '../../src/domain/page-format.js';
import { readDirectory } from '../../src/backup/msgstore/directory.js';
import { readPage } from '../../src/backup/msgstore/read-page.js';
import { takeSurvey } from '../../src/backup/msgstore/survey.js';
import {
  type DirectoryContact,
  type DirectoryGroup,
  type ImportPlan,
  makeControl,
  type PageResult,
  type ReadPageTask,
  sharePlanNames,
  type SkippedCounts,
  type Survey,
} from '../../src/backup/task.js';

let nextPlanId = 1;

/** Surveys a database and makes the plan of an import, as a session would. */
export function planOf(
  databasePath: string,
  extraMappings: [lid: string, phone: string][] = [],
): { survey: Survey; plan: ImportPlan } {
  const answer = takeSurvey({ control: makeControl(), databasePath });
  if (!answer.ok) throw new Error(JSON.stringify(answer.fault));
  const { survey } = answer;
  const phones = new Map([...survey.mappings, ...extraMappings]);
  const numbers = new Map<string, number>();
  for (const { jid } of survey.chats) {
    const canonical = isLid(jid) ? (phones.get(jid) ?? jid) : jid;
    if (!numbers.has(canonical)) numbers.set(canonical, numbers.size + 1);
  }
  const { sideIndexes, messageMaxId, legacyMaxId, asOfMs } = survey;
  const planId = nextPlanId++;
  const names = sharePlanNames({ extraMappings, chats: [...numbers] });
  const plan = { planId, databasePath, names, sideIndexes, messageMaxId, legacyMaxId, asOfMs };
  return { survey, plan };
}

/** All pages of both tables. */
export interface ReadPages {
  pages: { table: ReadPageTask['table']; page: Buffer }[];
  rowsRead: number;
  skipped: SkippedCounts;
  unresolvedLids: Set<string>;
}

/** Reads all pages of a plan in this thread. */
export function readAllPages(plan: ImportPlan, maxRows = 500, maxBytes = 1_048_576): ReadPages {
  const result: ReadPages = {
    pages: [],
    rowsRead: 0,
    skipped: { sentinel: 0, orphan: 0, deleted: 0, duplicate: 0, malformed: 0 },
    unresolvedLids: new Set(),
  };
  for (const table of ['message', 'messages'] as const) {
    const throughId = table === 'message' ? plan.messageMaxId : plan.legacyMaxId;
    for (let afterId = 0; afterId < throughId;) {
      const page = pageOf({ control: makeControl(), plan, table, afterId, throughId, maxRows, maxBytes });
      addPage(result, table, page);
      afterId = page.readThroughId;
    }
  }
  return result;
}

/** Reads one page in this thread. */
export function pageOf(task: ReadPageTask): PageResult {
  const answer = readPage(task);
  if (!answer.ok) throw new Error(JSON.stringify(answer.fault));
  return answer;
}

function addPage(result: ReadPages, table: ReadPageTask['table'], page: PageResult): void {
  const { buffer, byteOffset, length } = page.page;
  result.pages.push({ table, page: Buffer.from(buffer, byteOffset, length) });
  result.rowsRead += page.rowsRead;
  for (const reason of ['sentinel', 'orphan', 'deleted', 'duplicate', 'malformed'] as const) {
    result.skipped[reason] += page.skipped[reason];
  }
  for (const lid of page.unresolvedLids) result.unresolvedLids.add(lid);
}

/** Counts the records of pages by what they say. */
export function countRecords(pages: ReadPages['pages']): { messages: number; deleted: number } {
  const counts = { messages: 0, deleted: 0 };
  for (const { page } of pages) {
    for (const record of readRecords(page)) {
      if (record.op === recordOp.message) counts.messages++;
      else counts.deleted++;
    }
  }
  return counts;
}

/** Reads all people and groups of a plan in this thread. */
export function readWholeDirectory(
  plan: ImportPlan,
  maxRows = 200,
): { contacts: DirectoryContact[]; groups: DirectoryGroup[] } {
  const contacts: DirectoryContact[] = [];
  const groups: DirectoryGroup[] = [];
  for (const part of ['contacts', 'groups'] as const) {
    for (let afterId = 0, done = false; !done;) {
      const answer = readDirectory({ control: makeControl(), plan, part, afterId, maxRows });
      if (!answer.ok) throw new Error(JSON.stringify(answer.fault));
      contacts.push(...answer.contacts);
      groups.push(...answer.groups);
      afterId = answer.readThroughId;
      done = answer.done;
    }
  }
  return { contacts, groups };
}
