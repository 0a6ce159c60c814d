import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeLogger } from '../../src/log.js';
import { WorkerPool } from '../../src/pool.js';
import { toStatus } from '../../src/rpc/status.js';
import { Supervisor } from '../../src/session/supervisor.js';
import { OwnInboxReader } from './inbox-reader.js';

/** The daemon's sessions in the process of the test, on a real disk and with real threads, and without links. */
export class OwnSupervisor {
  /** Where dropped files are; the data is in a directory below. */
  readonly directory: string;
  /** What was logged. */
  log = '';
  readonly #pool = new WorkerPool({ threads: 1, onLostThread: () => undefined });
  readonly #reader = new OwnInboxReader();
  #sessions: Supervisor | undefined;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async open(): Promise<OwnSupervisor> {
    const own = new OwnSupervisor(await mkdtemp(join(tmpdir(), 'scrollback-own-')));
    await own.restart();
    return own;
  }

  get sessions(): Supervisor {
    if (this.#sessions === undefined) throw new Error('it is not open');
    return this.#sessions;
  }

  /** Closes the sessions, if they are open, and opens them again, as another process would. */
  async restart(): Promise<void> {
    await this.#sessions?.close();
    this.#sessions = await Supervisor.open({
      dataDirectory: join(this.directory, 'data'),
      dropDirectory: this.directory,
      maxBackupBytes: 2 ** 30,
      maxInflatedBytes: 2 ** 30,
      minFreeBytes: 0,
      media: { quotaBytes: 1, retentionMs: 0, minFreeBytes: 0 },
      phoneTimes: { answerMs: 1, pauseMs: 1 },
      now: Date.now,
      random: Math.random,
      log: makeLogger('info', { write: (line) => void (this.log += line) }),
      pool: this.#pool,
      describeFault: toStatus,
      connectLink: () => {
        throw new Error('nobody links here');
      },
      inboxReader: this.#reader.reader,
      loadLinks: () => Promise.resolve(),
    });
  }

  async close(): Promise<void> {
    await this.#sessions?.close();
    await this.#pool.close();
    await this.#reader.close();
    await rm(this.directory, { recursive: true });
  }
}
