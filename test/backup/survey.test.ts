import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeImportFile } from '../../src/backup/msgstore/import-file.js';
import { SideIndexBuilder, SideIndexReader } from '../../src/backup/msgstore/side-index.js';
import { takeSurvey } from '../../src/backup/msgstore/survey.js';
import { control, makeControl } from '../../src/backup/task.js';
import { planOf, readWholeDirectory } from '../support/import-pages.js';
import { readByPlainSql } from '../support/oracle.js';
import { buildDatabase } from '../support/synthetic-backup.js';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-survey-'));
});

afterAll(async () => {
  closeImportFile();
  await rm(directory, { recursive: true });
});

describe.each(['modern', 'modern-2022', 'legacy', 'transitional'] as const)('a survey of a %s backup', (generation) => {
  const path = (): string => join(directory, `${generation}.db`);

  beforeAll(() => {
    buildDatabase(path(), { seed: 21, messages: 2000, generation, traps: true });
  });

  it('finds the chats that plain SQL finds', () => {
    const { survey } = planOf(path());
    const phones = new Map(survey.mappings);
    const found = new Set(survey.chats.map(({ jid }) => phones.get(jid) ?? jid));
    const expected = readByPlainSql(path()).chats;
    expect([...found].sort()).toEqual(expected.map(({ jid }) => jid));
    for (const { jid, name, createMs, archived } of expected.filter((chat) => /@(g\.us|newsletter)$/.test(chat.jid))) {
      const chat = survey.chats.find((known) => known.jid === jid);
      const read = { name: chat?.name, createMs: chat?.createMs || undefined, archived: chat?.archived };
      expect(read, jid).toEqual({ name, createMs, archived });
    }
  });

  it('tells the last rows and the time that the backup speaks of', () => {
    const { survey } = planOf(path());
    const db = new Sqlite(path(), { readonly: true });
    for (const [table, maxId] of [
      ['message', survey.messageMaxId],
      ['messages', survey.legacyMaxId],
    ] as const) {
      const exists = db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(table) !== undefined;
      const last = exists ? db.prepare<[], number | null>(`SELECT max(_id) FROM ${table}`).pluck().get() : 0;
      expect(maxId, table).toBe(last ?? 0);
    }
    db.close();
    expect(survey.asOfMs).toBeGreaterThan(Date.UTC(2009, 0, 1));
    expect(survey.asOfMs).toBeLessThan(Date.now() + 86_400_001);
  });

  it('leads to the people and groups that plain SQL finds', () => {
    const { plan } = planOf(path());
    const expected = readByPlainSql(path());
    for (const maxRows of [3, 1000]) {
      const { contacts, groups } = readWholeDirectory(plan, maxRows);
      const plain = groups.map((group) => ({
        ...group,
        createMs: group.createMs || undefined,
        members: group.members.map((member) => ({
          ...member,
          rank: member.rank.toUpperCase(),
          joinMs: member.joinMs || undefined,
        })),
        pastMembers: group.pastMembers.map((past) => ({ ...past, leaveMs: past.leaveMs || undefined })),
      }));
      expect(plain).toEqual(expected.groups);
      const people = new Map<string, (typeof contacts)[number]>();
      for (const contact of contacts) {
        const known = people.get(contact.jid);
        people.set(contact.jid, {
          jid: contact.jid,
          alternateJids: [...new Set([...(known?.alternateJids ?? []), ...contact.alternateJids])].sort(),
          pushName: known?.pushName || contact.pushName,
          username: known?.username || contact.username,
          maskedNumber: known?.maskedNumber || contact.maskedNumber,
        });
      }
      expect([...people.values()].sort((a, b) => (a.jid < b.jid ? -1 : 1))).toEqual(expected.contacts);
    }
  });
});

describe('a survey', () => {
  it('stops when it is cancelled', () => {
    const path = join(directory, 'cancelled.db');
    buildDatabase(path, { seed: 1, messages: 100 });
    const buffer = makeControl();
    Atomics.store(new Int32Array(buffer), control.cancel, 1);
    expect(takeSurvey({ control: buffer, databasePath: path })).toEqual({ ok: false, fault: { reason: 'CANCELLED' } });
  });

  it('answers with a fault where there is no file', () => {
    const answer = takeSurvey({ control: makeControl(), databasePath: join(directory, 'nothing.db') });
    expect(answer).toMatchObject({ ok: false, fault: { reason: 'INTERNAL' }, trace: { code: 'SQLITE_CANTOPEN' } });
  });
});

describe('a side index', () => {
  it('finds the rows of each parent in the order of their ids', () => {
    const parents = fc.array(fc.oneof(fc.nat(20), fc.maxSafeNat(), fc.integer({ min: 65_530, max: 65_545 })), {
      minLength: 1,
      maxLength: 3000,
    });
    fc.assert(
      fc.property(parents, (list) => {
        const builder = new SideIndexBuilder('t');
        const expected = new Map<number, number[]>();
        for (const [row, parent] of list.entries()) {
          builder.add(parent, row + 1);
          expected.set(parent, [...(expected.get(parent) ?? []), row + 1]);
        }
        const index = builder.finish();
        if (index === undefined) throw new Error('there are rows');
        const reader = new SideIndexReader(index);
        for (const [parent, rows] of expected) expect([...reader.rowsOf(parent)], String(parent)).toEqual(rows);
        expect([...reader.rowsOf(-1)]).toEqual([]);
      }),
    );
  });

  it('is none when there is no row', () => {
    expect(new SideIndexBuilder('t').finish()).toBeUndefined();
  });
});
