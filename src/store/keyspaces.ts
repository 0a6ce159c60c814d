import { keyPrefix } from '../domain/page-format.js';

/**
 * Every keyspace of a session's database. A key is one prefix byte and bytes whose order is the order of reading; numbers
 * are big-endian. Retired prefixes stay listed and are never used again.
 *
 * | prefix | rest of the key                        | value                                                        |
 * |--------|----------------------------------------|--------------------------------------------------------------|
 * | `c`    | chat number, last entry of a chunk     | the other entries (`chat-index.ts`): one chat in order       |
 * | `i`    | chat number, id, author                | identity value (`domain/page-format.ts`)                     |
 * | `x`    | as `i`                                 | `HiddenFacts`, where there are any                           |
 * | `h`    | chat number                            | `ChatRecord`                                                 |
 * | `t`    | chat number                            | chat totals (`chat-totals.ts`)                               |
 * | `j`    | JID, any address of a chat             | chat number                                                  |
 * | `n`    | chat number                            | number of the chat that it was united with                   |
 * | `p`    | LID                                    | the phone JID that it stands for                             |
 * | `u`    | LID                                    | empty: seen in a message before it was resolved              |
 * | `k`    | JID                                    | `ContactRecord`                                              |
 * | `g`    | JID                                    | `GroupRecord`                                                |
 * | `q`    | chat number                            | `ClearRecord`, of chats that the owner cleared               |
 * | `e`    | WhatsApp's id of a label                | `LabelRecord`                                                |
 * | `l`    | revision                               | `LogEntry`                                                   |
 * | `d`    | digest of a page of a backup           | `MergedPage`                                                 |
 * | `b`    | backfill id                            | `BackfillRecord`                                             |
 * | `r`    | request id of a backfill               | backfill id                                                  |
 * | `s`    |                                        | `HistoryRecord`                                              |
 * | `a`    |                                        | credentials of the link (`link-store.ts`)                    |
 * | `y`    | name of a key of the link              | its value, as the link writes it                             |
 * | `w`    | lane, sequence                         | what the link delivered and nobody recorded yet (`inbox.ts`) |
 * | `v`    | chat number, or nothing                | `CoverageRecord` of a chat, or of the whole account          |
 * | `z`    | position (`domain/position.ts`)        | `scrollback.v1.Message` with its revision tail               |
 *
 * Messages come last: an import writes them in almost ascending order, and LevelDB moves tables down as they are when nothing lies
 * behind them. With other keys behind them each was merged once more (250 of 600 MB that the second level took).
 */
export const keyspace = {
  message: keyPrefix.message,
  chatMessage: keyPrefix.chatMessage,
  identity: keyPrefix.identity,
  hidden: 0x78,
  chat: 0x68,
  chatTotals: 0x74,
  chatNumber: 0x6a,
  united: 0x6e,
  mapping: 0x70,
  unresolved: 0x75,
  contact: 0x6b,
  group: 0x67,
  cleared: 0x71,
  label: 0x65,
  log: 0x6c,
  mergedPage: 0x64,
  backfill: 0x62,
  request: 0x72,
  state: 0x73,
  credentials: 0x61,
  linkKey: 0x79,
  inbox: 0x77,
  coverage: 0x76,
} as const;

/** A prefix of `keyspace`. */
export type Keyspace = (typeof keyspace)[keyof typeof keyspace];

/** The version of this layout; a database with another one is refused. */
export const LAYOUT_VERSION = 2;

/** Throws, with what to do, when a database has another layout. */
export function refuseOtherLayout(version: number): void {
  if (version === LAYOUT_VERSION) return;
  throw new Error(
    `the database has layout ${version}, this version reads ${LAYOUT_VERSION}: run the version that wrote it, or import its backups ` +
      'into a new session',
  );
}

/** The key of the one record of a keyspace, and the lower bound of a keyspace. */
export function prefixKey(prefix: Keyspace): Buffer {
  return Buffer.of(prefix);
}

/** The exclusive upper bound of a keyspace. */
export function prefixEnd(prefix: Keyspace): Buffer {
  return Buffer.of(prefix + 1);
}

/** A key whose rest is text. */
export function textKey(prefix: Keyspace, text: string): Buffer {
  const key = Buffer.allocUnsafe(1 + Buffer.byteLength(text));
  key[0] = prefix;
  key.write(text, 1);
  return key;
}

/** A key whose rest is a chat number. */
export function chatNumberKey(prefix: Keyspace, chatNumber: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  key[0] = prefix;
  key.writeUInt32BE(chatNumber, 1);
  return key;
}

/** The key of a log entry. */
export function logKey(revision: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key[0] = keyspace.log;
  key.writeUInt16BE(0, 1);
  key.writeUIntBE(revision, 3, 6);
  return key;
}

/** The revision in the key of a log entry. */
export function revisionOfLogKey(key: Buffer): number {
  return key.readUIntBE(3, 6);
}

/** The key of what is hidden of the message with this identity. */
export function hiddenKey(identityKey: Buffer): Buffer {
  const key = Buffer.from(identityKey);
  key[0] = keyspace.hidden;
  return key;
}

/** The identity whose hidden facts are under a key. */
export function identityOfHidden(hidden: Buffer): Buffer {
  const key = Buffer.from(hidden);
  key[0] = keyspace.identity;
  return key;
}
