import { serialize } from 'node:v8';
import { proto } from '@whiskeysockets/baileys/WAProto/index.js';
import { Pulse } from '../backup/pulse.js';
import { Refusal } from '../backup/refusal.js';
import type { Answer } from '../backup/task.js';
import { type LiveEvent, liveSource } from '../domain/live-event.js';
import {
  eventsOfCall,
  eventsOfChat,
  eventsOfCoverage,
  eventsOfMapping,
  eventsOfPast,
  eventsOfPushName,
  mappingsOfChat,
  startOfChat,
  withChat,
} from './convert-history.js';
import { convertMessage } from './convert-message.js';
import type { Origin, WireMessage } from './envelope.js';
import type { HistoryCursor, ReadHistoryResult, ReadHistoryTask } from './history-task.js';
import { WireFields } from './wire-fields.js';

/**
 * Converts the part of a chunk of history that begins at the cursor. In passes: first which LIDs stand for which numbers, so that
 * messages are stored under their numbers at once, then people, then chats with their messages, last who left groups, and calls. Never throws; DAMAGED is a
 * chunk that makes no sense as a whole.
 */
export function readHistory(task: ReadHistoryTask): Answer<ReadHistoryResult> {
  try {
    return { ok: true, ...new PartReader(task).read(task.cursor) };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, fault: error.fault };
    return { ok: false, fault: { reason: 'DAMAGED', problem: 'a chunk of history cannot be read' } };
  }
}

class PartReader {
  readonly #bytes: Buffer;
  readonly #pulse: Pulse;
  readonly #origin: Origin;
  readonly #asOfMs: number;
  readonly #syncType: number;
  readonly #events: LiveEvent[] = [];
  /** How many bytes of the chunk were converted. */
  #taken = 0;
  #unreadable = 0;

  constructor({ content, control, me, asOfMs }: ReadHistoryTask) {
    this.#bytes = Buffer.from(content);
    this.#pulse = new Pulse(control);
    this.#syncType = syncTypeOf(this.#bytes);
    this.#origin = { me, source: this.#onDemand ? liveSource.onDemand : liveSource.historySync, asOfMs };
    this.#asOfMs = asOfMs;
  }

  get #onDemand(): boolean {
    return this.#syncType === proto.HistorySync.HistorySyncType.ON_DEMAND;
  }

  read(from: HistoryCursor): ReadHistoryResult {
    let { at, inside } = from;
    for (let pass = from.pass; pass < this.#passes.length; pass++) {
      const fields = new WireFields(this.#bytes, at, this.#bytes.length);
      while (fields.next()) {
        this.#pulse.beat();
        inside = this.#take(pass, fields, inside);
        if (inside > 0) return this.#result({ pass, at: fields.tagStart, inside });
        if (this.#isFull) return this.#result({ pass, at: fields.end, inside: 0 });
      }
      at = 0;
    }
    return this.#result(undefined);
  }

  #take(pass: number, fields: WireFields, inside: number): number {
    try {
      return this.#passes[pass]?.(fields, inside) ?? 0;
    } catch (error) {
      if (error instanceof Refusal) throw error;
      // It must not keep the others from being recorded; who asked learns of it.
      this.#unreadable++;
      return 0;
    }
  }

  /** What each pass makes of a field of the chunk; the offset inside of it where the next part goes on, or nothing. */
  readonly #passes: ((fields: WireFields, inside: number) => number | undefined)[] = [
    (fields) => {
      if (fields.field === CONVERSATION) this.#push(mappingsOfChat(this.#chat(fields)));
      if (fields.field !== MAPPING) return;
      this.#push(eventsOfMapping(proto.PhoneNumberToLIDMapping.decode(this.#copy(fields))));
    },
    (fields) => {
      if (fields.field === PUSH_NAME) {
        this.#push(eventsOfPushName(proto.Pushname.decode(this.#copy(fields)), this.#asOfMs));
      }
    },
    (fields, inside) => {
      if (fields.field === STATUS) this.#message(fields, (message) => message);
      return fields.field === CONVERSATION ? this.#conversation(fields, inside) : undefined;
    },
    // Who left is told beside who is there.
    (fields) => {
      if (fields.field === PAST) this.#push(eventsOfPast(proto.PastParticipants.decode(this.#copy(fields))));
      if (fields.field === CALL) this.#push(eventsOfCall(proto.CallLogRecord.decode(this.#copy(fields)), this.#origin));
    },
  ];

  /** Converts a chat and its messages from an offset on. Returns the offset of what does not fit, 0 when all does. */
  #conversation({ start, end }: WireFields, inside: number): number {
    const chat = this.#chat({ start, end });
    // What is asked for later tells little of the chat itself.
    if (inside === 0 && !this.#onDemand) this.#push(eventsOfChat(chat, this.#origin.me, this.#asOfMs));
    const fields = new WireFields(this.#bytes, inside === 0 ? start : inside, end);
    while (fields.next()) {
      if (fields.field !== MESSAGE) continue;
      this.#pulse.beat();
      const entry = new WireFields(this.#bytes, fields.start, fields.end);
      while (entry.next()) {
        if (entry.field === MESSAGE_INFO) this.#message(entry, (message) => withChat(message, chat.id));
      }
      if (this.#isFull && fields.end < end) return fields.end;
    }
    const told = { syncType: this.#syncType, toldMs: this.#asOfMs };
    this.#push(eventsOfCoverage(chat, this.#timesOf({ start, end }), told));
    this.#push(startOfChat(chat));
    return 0;
  }

  /** When the messages of a chat were sent, in seconds; parts before this one have converted some of them. */
  *#timesOf({ start, end }: { start: number; end: number }): Generator<number> {
    const chat = new WireFields(this.#bytes, start, end);
    while (chat.next()) {
      if (chat.field !== MESSAGE) continue;
      const entry = new WireFields(this.#bytes, chat.start, chat.end);
      while (entry.next()) {
        if (entry.field !== MESSAGE_INFO) continue;
        const message = new WireFields(this.#bytes, entry.start, entry.end);
        while (message.next()) if (message.field === SENT) yield message.value;
      }
    }
  }

  #message(fields: WireFields, complete: (message: proto.IWebMessageInfo) => WireMessage): void {
    try {
      const message = complete(proto.WebMessageInfo.decode(this.#copy(fields)));
      this.#push(convertMessage(message, this.#origin));
    } catch {
      // The next message of the chat may be sound.
      this.#unreadable++;
    }
  }

  /** A chat without its messages. */
  #chat({ start, end }: { start: number; end: number }): proto.IConversation {
    const parts: Buffer[] = [];
    const fields = new WireFields(this.#bytes, start, end);
    while (fields.next()) {
      if (fields.field !== MESSAGE) parts.push(this.#bytes.subarray(fields.tagStart, fields.end));
    }
    return proto.Conversation.decode(Buffer.concat(parts));
  }

  /** A copy, because what is decoded points into it, and goes to another thread. */
  #copy({ start, end }: { start: number; end: number }): Buffer {
    this.#taken += end - start;
    return Buffer.from(this.#bytes.subarray(start, end));
  }

  #push(events: LiveEvent[]): void {
    this.#events.push(...events);
  }

  get #isFull(): boolean {
    return this.#events.length >= EVENTS_PER_PART || this.#taken >= BYTES_PER_PART;
  }

  #result(next: HistoryCursor | undefined): ReadHistoryResult {
    return { events: serialize(this.#events), unreadable: this.#unreadable, next };
  }
}

function syncTypeOf(bytes: Buffer): number {
  const fields = new WireFields(bytes, 0, bytes.length);
  // It is the first field of a chunk, but nobody promises that.
  while (fields.next()) if (fields.field === SYNC_TYPE) return fields.value;
  return 0;
}

/** Numbers of fields of `HistorySync`. */
const SYNC_TYPE = 1;
const CONVERSATION = 2;
const STATUS = 3;
const PUSH_NAME = 7;
const PAST = 12;
const CALL = 13;
const MAPPING = 15;

/** Of `Conversation`, of `HistorySyncMsg` and of `WebMessageInfo`. */
const MESSAGE = 2;
const MESSAGE_INFO = 1;
const SENT = 3;

/** A commit of some milliseconds; and no more than that for what has large content. */
const EVENTS_PER_PART = 500;
const BYTES_PER_PART = 512 * 1024;
