import { fromBinary } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { messageKind } from '../../domain/message-kind.js';
import { type Message, MessageSchema } from '../../gen/scrollback/v1/message_pb.js';
import type { HistoryReader } from '../../store/history-reader.js';
import type { MessageAnchor } from '../link/link.js';

/**
 * Finds messages of a chat by which a phone can find its place: the oldest ones from a time on, the oldest first, or, when nothing
 * is known from that time on, the newest ones before it. The phone may have lost any of them, so there are some to choose from.
 */
export async function findAnchors(
  store: Pick<HistoryReader, 'readMessages'>,
  chat: string,
  fromMs: number,
): Promise<MessageAnchor[]> {
  const read = async (order: 'newest-first' | 'oldest-first', bounds: { fromMs?: number; toMs?: number }) => {
    const query = { chat, order, kinds: NONE, direction: undefined, fromMs: bounds.fromMs, toMs: bounds.toMs };
    const { messages } = await store.readMessages(query, undefined, {
      maxMessages: MAX_READ,
      maxBytes: MAX_READ_BYTES,
    });
    return anchorsOf(messages.map((message) => fromBinary(MessageSchema, message)));
  };
  const from = Math.max(fromMs, FIRST_MS);
  const after = await read('oldest-first', { fromMs: from });
  if (after.length > 0 || fromMs <= FIRST_MS) return after;
  const before = await read('newest-first', { fromMs: FIRST_MS, toMs: from - 1 });
  return before.sort((a, b) => a.sentMs - b.sentMs);
}

/** What somebody wrote is better known than notices, of which each device makes its own. */
function anchorsOf(messages: Message[]): MessageAnchor[] {
  const named = messages.filter(({ key }) => key !== undefined && key.messageId !== '');
  const written = named.filter(({ kind }) => !NOTICES.has(kind));
  return (written.length > 0 ? written : named).slice(0, MAX_ANCHORS).map(({ key, sentTime }) => ({
    messageId: key?.messageId ?? '',
    fromMe: key?.fromMe === true,
    sentMs: sentTime === undefined ? 0 : timestampMs(sentTime),
  }));
}

const NOTICES: ReadonlySet<number> = new Set([messageKind.system, messageKind.call]);
const NONE: ReadonlySet<number> = new Set();

/** As many are tried. */
const MAX_ANCHORS = 3;

/** So many notices in a row are rare. */
const MAX_READ = 32;
const MAX_READ_BYTES = 1024 * 1024;

/** Nobody wrote by WhatsApp before 2009: an older time is none, and no phone finds it. */
const FIRST_MS = Date.UTC(2009, 0, 1);
