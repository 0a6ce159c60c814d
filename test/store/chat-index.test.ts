import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { POSITION_BYTES, writePosition } from '../../src/domain/position.js';
import { type ChatEnd, ChatIndexChanges, primaryKeyOfEntry, scanChat } from '../../src/store/chat-index.js';
import { ChatTails } from '../../src/store/chat-tails.js';
import { primaryKeyOf } from '../../src/store/commit.js';
import { Database } from '../../src/store/database.js';

const CHATS = [1, 2, 0xfffffffe];

let directory: string;
let database: Database;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scrollback-index-'));
  database = await Database.open(directory, { cacheBytes: 1_048_576, writeBufferBytes: 1_048_576 });
});

afterEach(async () => {
  await database.close();
  await rm(directory, { recursive: true });
});

/** What a chat should hold: the model that the index is compared with. */
class Model {
  /** What commits remember of the ends of chats; a new one has forgotten all of it. */
  tails = new ChatTails();
  readonly chats = new Map(CHATS.map((chat) => [chat, new Map<string, Buffer>()]));

  entriesOf(chatNumber: number): Map<string, Buffer> {
    const entries = this.chats.get(chatNumber);
    if (entries === undefined) throw new Error('no such chat');
    return entries;
  }

  endOf(chatNumber: number): ChatEnd {
    const times = [...this.entriesOf(chatNumber).values()].map((position) => position.readUIntBE(0, 6));
    return { messageCount: times.length, lastMs: times.reduce((a, b) => Math.max(a, b), 0) };
  }

  /** Primary keys in order. */
  keysOf(chatNumber: number): Buffer[] {
    return [...this.entriesOf(chatNumber).values()].map(primaryKeyOf).sort((a, b) => a.compare(b));
  }
}

function positionOf(chatNumber: number, sentMs: number, tie: number): Buffer {
  const position = Buffer.alloc(POSITION_BYTES);
  const rest = { ordinal: 0, tieHigh: tie, tieLow: 0, kind: tie % 5, fromMe: tie % 2 === 1 };
  writePosition(position, 0, { sentMs, chatNumber, ...rest });
  return position;
}

async function apply(model: Model, changes: { position: Buffer; present: boolean }[]): Promise<void> {
  const index = new ChatIndexChanges();
  const ends = new Map(CHATS.map((chat) => [chat, model.endOf(chat)]));
  for (const { position, present } of changes) {
    const chatNumber = position.readUInt32BE(20);
    const entries = model.entriesOf(chatNumber);
    const name = position.toString('hex');
    const isNew = present && !entries.has(name) && index.touched(chatNumber, entryOf(position)) === undefined;
    if (isNew) index.insert(chatNumber, primaryKeyOf(position));
    else index.set(position, present);
    if (present) entries.set(name, position);
    else entries.delete(name);
  }
  const batch = database.batch();
  await index.write(database, batch, Promise.resolve(), model.tails, (chat) => ends.get(chat));
  await database.write(batch);
  model.tails.built(index.tails);
}

function entryOf(position: Buffer): Buffer {
  return Buffer.concat([position.subarray(0, 20), position.subarray(24)]);
}

async function read(chatNumber: number, gte: Buffer, lt: Buffer | undefined, reverse: boolean): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for await (const entries of scanChat(database, chatNumber, { gte, lt, reverse }, { readAhead: 3 })) {
    found.push(...entries.map((entry) => primaryKeyOfEntry(chatNumber, entry)));
  }
  return found;
}

const aChange = fc.record({
  chat: fc.constantFrom(...CHATS),
  ms: fc.nat(60),
  tie: fc.nat(7),
  present: fc.boolean(),
});

describe('the index of a chat', () => {
  it('holds what was added and not removed, in order, whatever the commits were', async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.array(aChange, { maxLength: 40 }), fc.boolean()), { minLength: 1, maxLength: 12 }),
        fc.nat(70),
        fc.nat(70),
        async (commits, from, to) => {
          await database.close();
          const path = join(directory, String(round++));
          database = await Database.open(path, { cacheBytes: 1_048_576, writeBufferBytes: 1_048_576 });
          const model = new Model();
          for (const [commit, forgets] of commits) {
            if (forgets) model.tails = new ChatTails();
            const changes = commit.map(({ chat, ms, tie, present }) => ({
              position: positionOf(chat, ms, tie),
              present,
            }));
            await apply(model, changes);
          }
          const bounds = [Buffer.alloc(6), Buffer.alloc(6)] as const;
          bounds[0].writeUIntBE(from, 0, 6);
          bounds[1].writeUIntBE(to, 0, 6);
          for (const chat of CHATS) {
            const keys = model.keysOf(chat);
            expect(await read(chat, Buffer.alloc(0), undefined, false)).toEqual(keys);
            expect(await read(chat, Buffer.alloc(0), undefined, true)).toEqual(keys.toReversed());
            const inside = keys.filter((key) => {
              const time = key.subarray(1, 7);
              return time.compare(bounds[0]) >= 0 && time.compare(bounds[1]) < 0;
            });
            expect(await read(chat, ...bounds, false)).toEqual(inside);
            expect(await read(chat, ...bounds, true)).toEqual(inside.toReversed());
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keeps many messages of one chat in few records, and splits where more come between them', async () => {
    const model = new Model();
    const some = (offset: number): { position: Buffer; present: boolean }[] =>
      Array.from({ length: 1000 }, (_, n) => ({ position: positionOf(1, n * 10 + offset, 3), present: true }));
    await apply(model, some(1));
    const records = async (): Promise<number> => {
      let count = 0;
      for await (const keys of database.scanKeys({ gte: Buffer.from('c'), lt: Buffer.from('d') })) count += keys.length;
      return count;
    };
    expect(await records()).toBe(8);
    for (const offset of [5, 3, 7]) await apply(model, some(offset));
    expect(await records()).toBeLessThanOrEqual(64);
    expect(await read(1, Buffer.alloc(0), undefined, false)).toEqual(model.keysOf(1));
  });
});
