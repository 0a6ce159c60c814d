#!/usr/bin/env node
// Checks what needs no running: `npm run check`, or the names of single checks as arguments. Changes no file.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, run, tool } from './step.mjs';

// buf finds protoc-gen-es on the PATH.
const env = { ...process.env, PATH: `${tool('.bin')}${delimiter}${process.env.PATH ?? ''}` };
const node = (...args) => run(process.execPath, args);
const buf = (...args) => run(tool('.bin', 'buf'), args, { env });

/** Each check resolves to `{ ok, output }`, or to `{ skipped }` with the reason. */
const checks = {
  generated: checkGeneratedCode,
  'buf lint': () => buf('lint'),
  'buf format': () => buf('format', '--diff', '--exit-code', '--path', 'proto/scrollback'),
  'buf breaking': checkBreaking,
  prettier: () => node(tool('prettier', 'bin', 'prettier.cjs'), '--check', '--log-level=warn', '.', '!dist*/**'),
  eslint: () => node(tool('eslint', 'bin', 'eslint.js'), '-c', '.eslint.config.js', '--max-warnings=0', '.'),
};

/** Runs the checks with these names, all when there are none. Tells the outcome of each and resolves to whether all passed. */
export async function check(names = [], tell = console.log) {
  let allPassed = true;
  for (const [name, runCheck] of Object.entries(checks)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const startedAt = Date.now();
    const { ok, output, skipped } = await inTemporaryDirectory(runCheck);
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
    if (skipped !== undefined) tell(`check: ${name} skipped: ${skipped}`);
    else tell(`check: ${name} ${ok ? 'ok' : 'FAILED'} (${seconds} s)${ok ? '' : `\n${output}\n`}`);
    if (skipped === undefined && !ok) allPassed = false;
  }
  return allPassed;
}

async function inTemporaryDirectory(use) {
  const directory = mkdtempSync(join(tmpdir(), 'scrollback-check-'));
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** src/gen must be just what `npm run generate` writes. */
async function checkGeneratedCode(directory) {
  const result = await buf('generate', '--template', 'proto/buf.gen.yaml', '--output', directory);
  if (!result.ok) return result;
  const fresh = readTree(join(directory, 'src', 'gen'));
  const committed = readTree(join(root, 'src', 'gen'));
  const paths = [...new Set([...fresh.keys(), ...committed.keys()])].sort();
  const different = paths.filter((path) => fresh.get(path) !== committed.get(path));
  const output = `run "npm run generate": ${different.map((path) => `src/gen/${path}`).join(', ')}`;
  return { ok: different.length === 0, output };
}

function readTree(directory) {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(directory.length + 1), readFileSync(path, 'utf8')];
    }),
  );
}

/** The API and the on-disk records must stay compatible with those of the branch `main`. */
async function checkBreaking(directory) {
  for (const branch of ['main', 'origin/main']) {
    const archive = join(directory, 'main.tar');
    const base = await run('git', ['archive', '--output', archive, branch, '--', 'buf.yaml', 'proto']);
    if (base.ok) return buf('breaking', '--against', archive);
  }
  return { skipped: 'there is no branch main to compare with' };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = (await check(process.argv.slice(2))) ? 0 : 1;
}
