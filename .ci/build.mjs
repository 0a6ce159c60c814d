// Compiles the TypeScript sources to `dist` when they differ from what `dist` was made of.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, runOrFail, say, tool } from './step.mjs';

const dist = join(root, 'dist');
const SOURCE_FOLDERS = ['src', 'workers', 'test'];

// Written after a build without errors, so that a broken build is never taken for a current one.
const stampPath = join(dist, '.built-from');

/** Tells whether `dist` is complete and was made of the sources as they are now. */
export function buildIsCurrent() {
  if (!existsSync(stampPath)) return false;
  const sources = listSources();
  return (
    sources.every((path) => existsSync(outputOf(path))) && readFileSync(stampPath, 'utf8') === fingerprint(sources)
  );
}

/** Compiles what changed, and removes the output of sources that are gone, so that no stale test runs. */
export async function build() {
  say('building …');
  const sources = listSources();
  const stamp = fingerprint(sources);
  rmSync(stampPath, { force: true });
  // The compiler trusts its notes about what it wrote earlier; without them it writes everything.
  if (!sources.every((path) => existsSync(outputOf(path)))) rmSync(join(dist, '.tsbuildinfo'), { force: true });
  await runOrFail('the sources do not compile.', process.execPath, [tool('typescript', 'bin', 'tsc'), '-p', root]);
  removeStaleOutput(new Set(sources.map(outputOf)));
  const commandLine = join(dist, 'src', 'cli', 'main.js');
  if (existsSync(commandLine)) chmodSync(commandLine, 0o755);
  writeFileSync(stampPath, stamp);
}

// Content, not times: a checkout, a copy and an unpacked archive all set times as they like. 2 MB hash in 10 ms.
function fingerprint(sources) {
  const hash = createHash('sha256');
  for (const path of [...sources, 'tsconfig.json', 'package-lock.json']) {
    const content = readFileSync(join(root, path));
    hash.update(`${path}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function listSources() {
  return SOURCE_FOLDERS.flatMap((folder) => listFiles(folder))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .sort();
}

function listFiles(folder, base = root) {
  if (!existsSync(join(base, folder))) return [];
  return readdirSync(join(base, folder), { recursive: true })
    .map((name) => `${folder}/${name}`)
    .filter((path) => statSync(join(base, path)).isFile());
}

function outputOf(sourcePath) {
  return join(dist, sourcePath.replace(/\.ts$/, '.js'));
}

function removeStaleOutput(expected) {
  for (const folder of SOURCE_FOLDERS) {
    for (const path of listFiles(folder, dist)) {
      const output = join(dist, path);
      if (!expected.has(output.replace(/\.js\.map$/, '.js'))) rmSync(output);
    }
  }
}
