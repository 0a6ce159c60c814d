import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { encryptBackupFile } from './encrypt-backup.js';
import { buildDatabase, type SyntheticFacts, type SyntheticOptions } from './synthetic-backup.js';
import type { Generation } from './synthetic-schema.js';

/** In what a synthetic database is packed. */
export type BackupKind = 'crypt15' | 'crypt14' | 'crypt12' | 'plain';

/**
 * Makes a synthetic backup file: builds the database beside it, packs it, removes the database. `key` has 32 bytes and is
 * not used for `plain`.
 */
export async function makeBackup(
  path: string,
  kind: BackupKind,
  key: Uint8Array,
  options: SyntheticOptions,
): Promise<SyntheticFacts> {
  const directory = await mkdtemp(join(dirname(path), '.make-backup-'));
  try {
    const plainPath = join(directory, 'msgstore.db');
    const facts = buildDatabase(plainPath, options);
    if (kind === 'plain') await copyFile(plainPath, path);
    else await encryptBackupFile(plainPath, path, { kind, key });
    return facts;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const generations: readonly Generation[] = ['modern', 'modern-2022', 'legacy', 'transitional'];
const kinds: readonly BackupKind[] = ['crypt15', 'crypt14', 'crypt12', 'plain'];

const usage = `Usage: node make-backup.js --messages N --out FILE --key-out FILE [--seed S] [--chats N] [--traps]
  [--generation ${generations.join('|')}] [--kind ${kinds.join('|')}]
  [--from N] [--to N] [--id-offset N] [--revision N] [--start-ms MS]
Writes a synthetic WhatsApp backup, and its key as 64 hex digits.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      messages: { type: 'string' },
      out: { type: 'string' },
      'key-out': { type: 'string' },
      seed: { type: 'string' },
      chats: { type: 'string' },
      generation: { type: 'string' },
      kind: { type: 'string' },
      traps: { type: 'boolean' },
      from: { type: 'string' },
      to: { type: 'string' },
      'id-offset': { type: 'string' },
      revision: { type: 'string' },
      'start-ms': { type: 'string' },
    },
  });
  const kind = kinds.find((known) => known === (values.kind ?? 'crypt15'));
  const generation = generations.find((known) => known === (values.generation ?? 'modern'));
  const { out } = values;
  const messages = Number(values.messages);
  const keyless = kind !== 'plain' && values['key-out'] === undefined;
  if (kind === undefined || generation === undefined || out === undefined || !Number.isInteger(messages) || keyless) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  const options: SyntheticOptions = {
    messages,
    generation,
    traps: values.traps === true,
    ...numberOption('seed', values.seed),
    ...numberOption('chats', values.chats),
    ...numberOption('fromMessage', values.from),
    ...numberOption('toMessage', values.to),
    ...numberOption('idOffset', values['id-offset']),
    ...numberOption('revision', values.revision),
    ...numberOption('startMs', values['start-ms']),
  };
  const key = randomBytes(32);
  const started = Date.now();
  const facts = await makeBackup(out, kind, key, options);
  if (values['key-out'] !== undefined) await writeFile(values['key-out'], `${key.toString('hex')}\n`, { mode: 0o600 });
  const { size } = await stat(out);
  const { traps: _ids, ...counts } = facts;
  process.stdout.write(
    `${JSON.stringify({ file: out, bytes: size, milliseconds: Date.now() - started, ...counts })}\n`,
  );
}

function numberOption(name: keyof SyntheticOptions, text: string | undefined): Partial<SyntheticOptions> {
  if (text === undefined) return {};
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`${name} is not a whole number`);
  return { [name]: value };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
