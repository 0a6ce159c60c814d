import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { Level } from 'level';

/**
 * Preloaded into a daemon (`node --import`), it ends the process as kill -9 does at one step of what it does to the disk, told by
 * `SCROLLBACK_TEST_CRASH`: `main:7:after` is right after the seventh step of the main thread (a LevelDB opened, a batch written, a
 * directory made, a file synced, cut or removed), `worker:2:before` right before the second step of a worker thread (a file synced, renamed
 * or removed).
 */
const [thread = '', at = '', moment = ''] = (process.env['SCROLLBACK_TEST_CRASH'] ?? '').split(':');

let steps = 0;

/** Runs a step, and dies before or after it when it is the one. */
async function step<T>(run: () => Promise<T>): Promise<T> {
  const isIt = ++steps === Number(at);
  if (isIt && moment === 'before') await die();
  const result = await run();
  if (isIt) await die();
  return result;
}

function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => undefined);
}

type Method = (...args: unknown[]) => Promise<unknown>;

/** Makes steps of the calls of a method. */
function patch(owner: object, name: string): void {
  // Safety: the names below are those of methods that answer with a promise.
  const method = Reflect.get(owner, name) as Method;
  Reflect.set(owner, name, function (this: unknown, ...args: unknown[]) {
    return step(() => Reflect.apply(method, this, args));
  });
}

if (thread === (isMainThread ? 'main' : 'worker')) {
  patch(fs.promises, 'rm');
  for (const name of isMainThread ? ['mkdir', 'truncate'] : ['rename']) patch(fs.promises, name);
  syncBuiltinESMExports();
  const file = await fs.promises.open(process.execPath);
  patch(Object.getPrototypeOf(file), 'sync');
  await file.close();
  patch(Level.prototype, 'open');
  // Every batch has the prototype of the first.
  // Safety: it is a method that answers with a batch.
  const make = Reflect.get(Level.prototype, 'batch') as (...args: unknown[]) => unknown;
  let patched = false;
  Reflect.set(Level.prototype, 'batch', function (this: unknown, ...args: unknown[]) {
    const batch: unknown = Reflect.apply(make, this, args);
    if (!patched && typeof batch === 'object' && batch !== null) {
      patch(findOwner(batch, 'write'), 'write');
      patched = true;
    }
    return batch;
  });
}

/** The object of a chain of prototypes that has a property of its own. */
function findOwner(start: object, name: string): object {
  for (let at: object | null = start; at !== null; at = Reflect.getPrototypeOf(at)) {
    if (Object.hasOwn(at, name)) return at;
  }
  throw new Error(`no ${name}`);
}
