import { createHash } from 'node:crypto';
import { DomainError } from '../domain/fault.js';

/**
 * Where a page or a stream goes on, as an opaque text (base64url):
 *
 * ```
 *   0         1      2           10         n − 4
 *   ┌─────────┬──────┬───────────┬──────────┬───────────┐
 *   │ version │ kind │ question  │ cursor   │ checksum  │
 *   │ 1 B     │ 1 B  │ digest 8 B│          │ 4 B       │
 *   └─────────┴──────┴───────────┴──────────┴───────────┘
 * ```
 *
 * The digest ties the token to the question it answers: session, chat, filters, order. The checksum (of all before it)
 * finds typing errors. Neither is a secret or a permission: a token gives access to nothing that its question does not.
 */
const version = 1;
const digestBytes = 8;
const checksumBytes = 4;
const cursorAt = 2 + digestBytes;

/** Longest text that is looked at. Cursors are positions and JIDs: far below this. */
const maxLength = 2_048;

/** What a token may continue. A number is never used again for another kind. */
const kinds = {
  listMessages: 1,
  readMessages: 2,
  watchMessages: 3,
  listChats: 4,
  listContacts: 5,
  listGroups: 6,
  listSessions: 7,
  listBackfills: 8,
} as const;

/** Makes and reads the tokens of one question. */
export class PageTokens {
  readonly #prefix: Buffer;

  /** `question` is all that decides what comes in which order, as the client stated it; not how much of it. */
  constructor(kind: keyof typeof kinds, question: readonly unknown[]) {
    const digest = createHash('sha256').update(JSON.stringify(question)).digest().subarray(0, digestBytes);
    this.#prefix = Buffer.concat([Buffer.from([version, kinds[kind]]), digest]);
  }

  /** Returns the token of a cursor; `''` for none. */
  encode(cursor: Buffer | undefined): string {
    if (cursor === undefined) return '';
    const body = Buffer.concat([this.#prefix, cursor]);
    return Buffer.concat([body, checksum(body)]).toString('base64url');
  }

  /** Returns the cursor of a token, undefined for `''`. Throws INVALID_PAGE_TOKEN for what `encode` did not make. */
  decode(token: string): Buffer | undefined {
    if (token === '') return undefined;
    const bytes = Buffer.from(token.slice(0, maxLength), 'base64url');
    const end = bytes.length - checksumBytes;
    const body = bytes.subarray(0, Math.max(end, 0));
    const intact =
      end >= cursorAt &&
      body.subarray(0, cursorAt).equals(this.#prefix) &&
      bytes.subarray(end).equals(checksum(body)) &&
      // Decoding skips what is not base64url and takes several spellings of the last character: accept one only.
      bytes.toString('base64url') === token;
    if (!intact) throw new DomainError({ reason: 'INVALID_PAGE_TOKEN' });
    return body.subarray(cursorAt);
  }
}

function checksum(body: Buffer): Buffer {
  return createHash('sha256').update(body).digest().subarray(0, checksumBytes);
}
