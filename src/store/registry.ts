import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type BackfillPointer,
  BackfillPointerSchema,
  type SessionRecord,
  SessionRecordSchema,
} from '../gen/scrollback/store/v1/record_pb.js';
import { Database } from './database.js';

/**
 * What the daemon knows of all sessions without opening one: a small LevelDB directory of its own.
 *
 * | key                | value             |
 * |--------------------|-------------------|
 * | `S` session id     | `SessionRecord`   |
 * | `B` backfill id    | `BackfillPointer` |
 *
 * Its lock is what keeps a second daemon off the data directory. Each write is synced.
 */
export class Registry {
  readonly #path: string;
  #database: Database;
  #reopening: Promise<void> | undefined;

  private constructor(path: string, database: Database) {
    this.#path = path;
    this.#database = database;
  }

  static async open(path: string): Promise<Registry> {
    return new Registry(path, await Database.open(path, OPTIONS));
  }

  async close(): Promise<void> {
    await this.#reopening?.catch(() => undefined);
    await this.#database.close();
  }

  async getSession(sessionId: string): Promise<SessionRecord | undefined> {
    const value = await (await this.#ready()).get(Buffer.from(`S${sessionId}`));
    return value === undefined ? undefined : fromBinary(SessionRecordSchema, value);
  }

  async putSession(record: SessionRecord): Promise<void> {
    await this.#write(`S${record.sessionId}`, toBinary(SessionRecordSchema, record));
  }

  async deleteSession(sessionId: string): Promise<void> {
    await this.#write(`S${sessionId}`, undefined);
  }

  /** Sessions with ids after `afterId`, ascending. */
  async listSessions(afterId: string, limit: number): Promise<SessionRecord[]> {
    const records: SessionRecord[] = [];
    const range = { gt: Buffer.from(`S${afterId}`), lt: Buffer.from('T'), limit };
    for await (const entries of (await this.#ready()).scan(range)) {
      for (const [, value] of entries) records.push(fromBinary(SessionRecordSchema, value));
    }
    return records;
  }

  /** All sessions, ascending, some at a time. */
  async *sessions(): AsyncGenerator<SessionRecord> {
    for (let after = ''; ;) {
      const records = await this.listSessions(after, 1000);
      yield* records;
      const last = records.at(-1);
      if (last === undefined) return;
      after = last.sessionId;
    }
  }

  async getPointer(backfillId: string): Promise<BackfillPointer | undefined> {
    const value = await (await this.#ready()).get(Buffer.from(`B${backfillId}`));
    return value === undefined ? undefined : fromBinary(BackfillPointerSchema, value);
  }

  async putPointer(backfillId: string, pointer: BackfillPointer): Promise<void> {
    await this.#write(`B${backfillId}`, toBinary(BackfillPointerSchema, pointer));
  }

  /** Pointers with ids before `beforeId` (`''` for all), the newest first, some at a time. */
  async *pointers(beforeId: string): AsyncGenerator<{ backfillId: string; pointer: BackfillPointer }> {
    const lt = beforeId === '' ? Buffer.from('C') : Buffer.from(`B${beforeId}`);
    const database = await this.#ready();
    for await (const entries of database.scan({ gt: Buffer.from('B'), lt, reverse: true, batchSize: 64 })) {
      for (const [key, value] of entries) {
        yield { backfillId: key.toString('utf8', 1), pointer: fromBinary(BackfillPointerSchema, value) };
      }
    }
  }

  /** Forgets the backfills of a session. */
  async deletePointers(sessionId: string): Promise<void> {
    const database = await this.#ready();
    const batch = database.batch();
    for await (const { backfillId, pointer } of this.pointers('')) {
      if (pointer.sessionId === sessionId) batch.del(Buffer.from(`B${backfillId}`));
    }
    await database.write(batch);
  }

  async #write(key: string, value: Uint8Array | undefined): Promise<void> {
    const database = await this.#ready();
    const batch = database.batch();
    if (value === undefined) batch.del(Buffer.from(key));
    else batch.put(Buffer.from(key), Buffer.from(value));
    await database.write(batch);
  }

  /** The database; after a failed write (a full disk) it is opened anew, because everything needs the registry. */
  async #ready(): Promise<Database> {
    if (this.#database.failure !== undefined) {
      this.#reopening ??= this.#reopen().finally(() => {
        this.#reopening = undefined;
      });
      await this.#reopening;
    }
    return this.#database;
  }

  async #reopen(): Promise<void> {
    await this.#database.close();
    this.#database = await Database.open(this.#path, OPTIONS);
  }
}

/** It holds some hundred bytes for each session and backfill. */
const OPTIONS = { cacheBytes: 1024 * 1024, writeBufferBytes: 1024 * 1024 };
