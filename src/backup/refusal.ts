import type { BackupFault } from '../domain/fault.js';
import type { Answer } from './task.js';

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
    return { ok: false, fault: faultOf(error) };
  }
}

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
