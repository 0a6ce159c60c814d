// Lets one run at a time install and build: `npm start` and `npm test` may be started side by side.
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { root, say } from './step.mjs';

const lockPath = join(root, 'dist', '.ready.lock');

// Longer than an install with a compile takes on a slow machine; after this the holder's process id may be somebody else's.
const STALE_AFTER_MS = 20 * 60_000;
const RETRY_MS = 250;

/** Runs `task` while no other run of this checkout does. The lock of a run that was killed is taken over. */
export async function withLock(task) {
  mkdirSync(join(root, 'dist'), { recursive: true });
  let told = false;
  while (!tryToTake()) {
    const holder = readHolder();
    if (holder !== undefined && isStale(holder)) {
      // Read again: between the two looks another waiter may have taken the lock over.
      if (readHolder()?.pid === holder.pid) rmSync(lockPath, { force: true });
      continue;
    }
    if (!told && holder !== undefined) say(`waiting for process ${holder.pid}, which is installing or building`);
    told ||= holder !== undefined;
    await delay(RETRY_MS);
  }
  const release = () => rmSync(lockPath, { force: true });
  const stop = () => {
    release();
    process.exit(130);
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await task();
  } finally {
    release();
    process.removeListener('SIGINT', stop).removeListener('SIGTERM', stop);
  }
}

function tryToTake() {
  try {
    const file = openSync(lockPath, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder() {
  try {
    return { pid: Number.parseInt(readFileSync(lockPath, 'utf8'), 10), takenAt: statSync(lockPath).mtimeMs };
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isStale({ pid, takenAt }) {
  if (Date.now() - takenAt > STALE_AFTER_MS) return true;
  // Empty for the instant between its creation and its writing.
  if (Number.isNaN(pid)) return Date.now() - takenAt > 10_000;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}
