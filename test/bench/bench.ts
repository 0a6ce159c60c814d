import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Daemon } from '../support/daemon.js';
import { type Backup, Backups } from './backups.js';
import { type Figure, lineOf } from './figure.js';
import { type ImportTimes, uploadBackup } from './upload-backup.js';

/** What a run is asked for. */
export interface BenchOptions {
  /** Messages of a backup. */
  messages: number;
  /** Where backups are kept between runs; undefined for a directory that goes away. */
  keepDirectory: string | undefined;
}

/** The session that the measures share: the first of them fills it. */
export const sharedSession = 'bench';

/** One run: its directory, its backups, the daemon that the measures share, and the figures so far. */
export class Bench {
  readonly messages: number;
  /** A directory that goes away with the run. */
  readonly directory: string;
  readonly backups: Backups;
  readonly figures: Figure[] = [];
  readonly #releases: (() => Promise<void>)[] = [];
  #closed = false;
  #daemon: Promise<Daemon> | undefined;
  #imported: Promise<ImportTimes> | undefined;

  private constructor(options: BenchOptions, directory: string) {
    this.messages = options.messages;
    this.directory = directory;
    const backups = options.keepDirectory === undefined ? join(directory, 'backups') : resolve(options.keepDirectory);
    this.backups = new Backups(backups, (release) => this.onClose(release));
  }

  static async open(options: BenchOptions): Promise<Bench> {
    return new Bench(options, await mkdtemp(join(tmpdir(), 'scrollback-bench-')));
  }

  /** Has something done when the run ends, however it does; the latest first, and at once when it has ended. */
  onClose(release: () => Promise<void>): void {
    if (this.#closed) void release();
    else this.#releases.push(release);
  }

  /** Ends what was started and removes what was made. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const release of this.#releases.reverse()) await release();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Prints a figure and keeps it for the table. */
  report(figure: Figure): void {
    this.figures.push(figure);
    console.log(lineOf(figure));
  }

  /** Prints something that is no figure. */
  say(text: string): void {
    console.log(text);
  }

  /** The backup of the whole account, made when it is first needed. */
  backup(): Promise<Backup> {
    return this.backups.make({ accountMessages: this.messages, from: 1, to: this.messages });
  }

  /** The daemon that the measures share, on an empty directory at first. */
  daemon(): Promise<Daemon> {
    this.#daemon ??= this.#startDaemon();
    return this.#daemon;
  }

  /** The data directory of that daemon. */
  get dataDirectory(): string {
    return join(this.directory, 'data');
  }

  /** Stops the shared daemon in order; the next use starts it again. */
  async stopDaemon(): Promise<void> {
    const daemon = await this.#daemon;
    this.#daemon = undefined;
    await daemon?.stop();
  }

  /** Sees to it that the shared session holds the backup, and tells how that went. */
  imported(): Promise<ImportTimes> {
    this.#imported ??= this.importInto(sharedSession);
    return this.#imported;
  }

  /** Uploads the backup into a session of the shared daemon, which is made when it is new. */
  async importInto(sessionId: string): Promise<ImportTimes> {
    const backup = await this.backup();
    const { client } = await this.daemon();
    await client.sessions.createSession({ sessionId }).catch(() => undefined);
    return uploadBackup(client, sessionId, backup, await readFile(backup.keyPath));
  }

  async #startDaemon(): Promise<Daemon> {
    const env = { SCROLLBACK_DROP_DIR: this.backups.directory };
    const starting = Daemon.start({ dataDirectory: this.dataDirectory, env });
    this.onClose(async () => (await starting.catch(() => undefined))?.kill9());
    return starting;
  }
}
