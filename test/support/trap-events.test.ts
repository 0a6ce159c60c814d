import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readByPlainSql } from './oracle.js';
import { withDirectory } from './small-backup.js';
import { buildDatabase } from './synthetic-backup.js';

it('the oracle reads the traps about events as they are meant', () =>
  withDirectory((directory) => {
    const path = join(directory, 'msgstore.db');
    const { traps } = buildDatabase(path, { messages: 100, traps: true });
    const rows = new Map(readByPlainSql(path).messages.map((message) => [message.rowId, message]));
    const events = (traps.event ?? []).map((id) => rows.get(id));
    const [whole, odd, inDirect, onlyAnswers, ofText] = events;

    expect(whole).toMatchObject({
      text: 'Summer party',
      event: { description: 'With a barbecue', location: { name: 'The park' }, canceled: false },
    });
    const answers = whole?.event?.responses ?? [];
    expect(answers.map(({ answer, extraGuestCount }) => [answer, extraGuestCount])).toEqual([
      ['GOING', 0],
      ['NOT_GOING', 0],
      ['MAYBE', 4],
      ['GOING', 0],
    ]);
    expect(answers[0]?.responderJid).toMatch(/@lid$/);
    expect(answers.map(({ fromMe }) => fromMe)).toEqual([false, false, false, true]);

    expect(odd).toMatchObject({ text: 'Called off', event: { canceled: true } });
    expect(odd?.event?.responses.map(({ answer }) => answer)).toEqual(['UNSPECIFIED', 'UNSPECIFIED']);
    expect(inDirect?.event?.responses.map(({ responderJid }) => responderJid)).toEqual([inDirect?.key.chatJid]);
    expect(onlyAnswers).toMatchObject({ text: 'only answers', event: { description: '', startMs: undefined } });
    expect(onlyAnswers?.event?.responses).toHaveLength(1);
    expect(ofText?.event).toBeUndefined();

    const names = events.map((message) => message?.text);
    expect(names).toContain('the text is its name');
    expect(names).toContain('instead of a long one');
    expect(names).toContain('nul\0in the middle');
    expect(names).toContain('a\ufffd\ufffdb');
    const secrets = (traps.secret ?? []).map((id) => rows.get(id)?.secret.slice(0, 2));
    // The first is a text, and recent.
    expect(secrets).toEqual(['02', '', '03', '04', '', '', '04', '05']);
    const starts = events.map((message) => message?.event?.startMs);
    expect(starts).toContain(1_700_000_000_000);
    return Promise.resolve();
  }));
