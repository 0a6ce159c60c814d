import type { BackupFault } from '../domain/fault.js';
import type { Answer, Trace } from './task.js';

/** Ends a task with a fault. Thrown inside a worker only; `answer` turns it into plain data at the thread's edge. */
export class Refusal extends Error {
  readonly fault: BackupFault;

  constructor(fault: BackupFault) {
    super(fault.reason);
    this.name = 'Refusal';
    this.fault = fault;
  }
}

/** Runs a task's work and returns its answer; what the work throws becomes a fault, so this never throws. */
export function answer<T>(work: () => T): Answer<T> {
  try {
    return { ok: true, ...work() };
  } catch (error) {
    return failed(error, faultOf(error));
  }
}

/** The answer of a task that threw: the fault that it comes to and, when that says nothing, where it came from. */
export function failed(error: unknown, fault: BackupFault): Extract<Answer<unknown>, { ok: false }> {
  return fault.reason === 'INTERNAL' ? { ok: false, fault, trace: traceOf(error) } : { ok: false, fault };
}

function traceOf(error: unknown): Trace {
  if (!(error instanceof Error)) return { type: typeof error, code: '', frames: '' };
  const facts = [textAt(error, 'code'), textAt(error, 'syscall')].filter((fact) => fact !== '');
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? [];
  return { type: error.name, code: facts.join(' '), frames: frames.slice(0, MAX_FRAMES).join('\n') };
}

function textAt(error: Error, name: string): string {
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? value : '';
}

const MAX_FRAMES = 8;

/**
 * SQLite's ways of saying that the bytes are not a sound database. NOMEM and TOOBIG belong to them: each of our
 * statements asks for a few small values, so only forged lengths lead there.
 */
const DAMAGE = /^SQLITE_(CORRUPT|NOTADB|FORMAT|TOOBIG|NOMEM|ERROR|MISMATCH|RANGE|SCHEMA)/;

/** Returns the fault for what a reader of a database threw; anything that is not the file's doing is INTERNAL. */
function faultOf(error: unknown): BackupFault {
  if (error instanceof Refusal) return error.fault;
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && DAMAGE.test(code)) {
    return { reason: 'DAMAGED', problem: `the database is not sound (${code})` };
  }
  return { reason: 'INTERNAL' };
}
