import { Refusal } from './refusal.js';
import { control } from './task.js';

/** A task's end of its control buffer: shows that it lives and how far it is, and learns that it shall stop. */
export class Pulse {
  private readonly slots: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.slots = new Int32Array(buffer);
  }

  /** Shows that the task lives. Throws `Refusal` with CANCELLED when it shall stop. */
  beat(): void {
    Atomics.add(this.slots, control.heartbeat, 1);
    if (Atomics.load(this.slots, control.cancel) !== 0) throw new Refusal({ reason: 'CANCELLED' });
  }

  /** Shows how many bytes of the encrypted file are done. */
  progress(bytes: number): void {
    Atomics.store(this.slots, control.progress, Math.floor(bytes / (1024 * 1024)));
  }
}
