// Installs the packages and compiles better-sqlite3, whose ready-made binaries lie outside the npm registry.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { root, run, runOrFail, say, StepFailure } from './step.mjs';

/**
 * Tells whether node_modules holds exactly what package-lock.json asks for, by comparing it with the lock file that npm
 * leaves in node_modules when an install is complete. Packages for other platforms may be missing, and without
 * `withTools` also those that are for development only.
 */
export function packagesAreCurrent({ withTools }) {
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return false;
  const wanted = readPackages(join(root, 'package-lock.json')) ?? {};
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = installed[path];
    if (found === undefined) {
      if (entry.optional || entry.devOptional || (!withTools && entry.dev)) continue;
      return false;
    }
    if (found.version !== entry.version || found.integrity !== entry.integrity) return false;
  }
  return Object.entries(installed).every(([path, entry]) => path in wanted || entry.optional);
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/**
 * Installs the locked packages without running any of their scripts. Not by `npm ci`, for two reasons: it refuses a
 * lock file that lacks an optional package of another platform (not every registry has them all), and it would throw
 * away the compiled better-sqlite3 at every change of another package. What is installed is compared with the lock
 * file afterwards, and the lock file is not written.
 */
export async function installPackages() {
  say('installing packages …');
  await runOrFail('npm could not install the packages.', 'npm', [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-update-notifier',
    '--loglevel=error',
  ]);
  if (!packagesAreCurrent({ withTools: true })) {
    throw new StepFailure(
      'package-lock.json does not fit package.json: run "npm install" and look at what it changes.',
    );
  }
}

/** Tells whether better-sqlite3 is compiled for this version of Node. */
export function nativeIsUsable() {
  try {
    const Database = createRequire(join(root, 'package.json'))('better-sqlite3');
    new Database(':memory:').close();
    return true;
  } catch {
    return false;
  }
}

/**
 * Compiles better-sqlite3 from the source in its package against Node's headers on this machine. The package's own
 * install script is left out: it would first ask GitHub for a binary, and newer versions of npm do not run it unless
 * it is allowed. Its script `build-release` is the compile alone.
 */
export async function compileNative() {
  const nodeDir = await findHeaders();
  await assertBuildTools();
  say('compiling better-sqlite3, which takes a minute or two …');
  await runOrFail(
    'better-sqlite3 did not compile.',
    'npm',
    [
      `--prefix=${join(root, 'node_modules', 'better-sqlite3')}`,
      'run',
      'build-release',
      '--',
      `--nodedir=${nodeDir}`,
      `--jobs=${availableParallelism()}`,
    ],
    { env: { ...process.env, npm_config_loglevel: 'error' } },
  );
  if (!nativeIsUsable()) throw new StepFailure('better-sqlite3 compiled, but Node cannot load it.');
}

/** Finds a directory that holds `include/node` of this very Node: the one that is configured, beside Node, or /usr. */
async function findHeaders() {
  const { npm_config_nodedir: fromEnvironment } = process.env;
  const configured = fromEnvironment ?? (await configuredNodeDir());
  if (configured !== undefined) return configured;
  const candidates = [dirname(dirname(process.execPath)), '/usr'];
  const found = candidates.find((directory) => headersModuleVersion(directory) === process.versions.modules);
  if (found !== undefined) return found;
  throw new StepFailure(
    `The headers of Node ${process.versions.node} are missing: better-sqlite3 is compiled from source and needs ` +
      `include/node/node.h of this version, which was looked for in ${candidates.join(' and ')}. A Node from ` +
      'nodejs.org, nvm or a Docker image brings them; on Debian install libnode-dev. Or name the directory above ' +
      '"include": npm_config_nodedir=/path/to/node npm start',
  );
}

async function configuredNodeDir() {
  const { ok, output } = await run('npm', ['config', 'get', 'nodedir', '--loglevel=silent']);
  return ok && existsSync(join(output, 'include', 'node', 'node.h')) ? output : undefined;
}

function headersModuleVersion(directory) {
  const header = join(directory, 'include', 'node', 'node_version.h');
  if (!existsSync(header)) return undefined;
  return /^#define NODE_MODULE_VERSION (\d+)/m.exec(readFileSync(header, 'utf8'))?.[1];
}

async function assertBuildTools() {
  const compiler = process.env.CXX?.split(' ')[0] ?? 'c++';
  const missing = [];
  for (const command of [compiler, 'make', process.env.npm_config_python ?? 'python3']) {
    if (!(await run(command, ['--version'])).ok) missing.push(command);
  }
  if (missing.length === 0) return;
  throw new StepFailure(
    `${missing.join(', ')} not found: better-sqlite3 is compiled from source and needs a C++ compiler, make and ` +
      'python3. On Debian and Ubuntu: apt install build-essential python3. On macOS: xcode-select --install.',
  );
}
