import { setPriority } from 'node:os';

/**
 * Lets the thread that calls it come after the others of the process when there are fewer cores than work: who asks for a page of
 * messages must not wait for an import. On Linux the nice value belongs to a thread, and 0 is the caller; elsewhere nothing is lost but this.
 */
export function workBehindOthers(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(NICE);
  } catch {
    // A sandbox that forbids it (a seccomp filter) only makes reads a little slower during an import.
  }
}

/** Nice 10 gets a tenth of a core's time against nice 0, and all of it when nobody else wants it. */
const NICE = 10;
