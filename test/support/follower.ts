import { toBinary } from '@bufbuild/protobuf';
import type { Connection } from '../../src/cli/client.js';
import { type Message, MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import { keyText } from './oracle-message.js';
import { firstDifference, messageKeyText } from './read-history.js';

/** A client that keeps a copy of a history by WatchMessages alone: it removes what is gone and upserts what comes. */
export class Follower {
  readonly #copy = new Map<string, Message>();
  #resumeToken = '';
  #revision = 0n;
  /** Messages that came, counted each time. */
  sent = 0;

  /** Follows all of a session, or one chat by any of its addresses. */
  constructor(private readonly chat = '') {}

  get size(): number {
    return this.#copy.size;
  }

  /** Watches until everything up to a revision has come; goes on where it stopped the last time. */
  async followTo(client: Connection, sessionId: string, revision: bigint): Promise<void> {
    if (this.#revision >= revision) return;
    let first = true;
    const request = { sessionId, chat: this.chat, resumeToken: this.#resumeToken };
    for await (const frame of client.history.watchMessages(request)) {
      // Gone first: a message that is known under a new key comes in the same frame.
      for (const { chatJid, senderJid, fromMe, messageId } of frame.removed) {
        this.#copy.delete(keyText({ chatJid, senderJid, fromMe, messageId }));
      }
      for (const message of frame.messages) this.#copy.set(messageKeyText(message), message);
      this.sent += frame.messages.length;
      this.#resumeToken = frame.resumeToken;
      // The first frame tells the session's revision and sends nothing.
      if (!first) this.#revision = frame.revision;
      first = false;
      if (this.#revision >= revision) return;
    }
  }

  /** What differs between the copy and a reading, revisions included; undefined when nothing does. */
  differenceTo(messages: readonly Message[]): string | undefined {
    const lines = (list: Iterable<Message>): string[] =>
      [...list].map((message) => `message ${Buffer.from(toBinary(MessageSchema, message)).toString('base64')}`).sort();
    return firstDifference(lines(this.#copy.values()), lines(messages));
  }
}
