import type { Connection } from '../../src/cli/client.js';
import type { Chat } from '../../src/gen/scrollback/v1/history_service_pb.js';

/** Lists all chats of a session that have messages. */
export async function listChats({ history }: Connection, sessionId: string): Promise<Chat[]> {
  const chats: Chat[] = [];
  let pageToken = '';
  do {
    const page = await history.listChats({ sessionId, pageSize: 1000, pageToken });
    chats.push(...page.chats.filter(({ messageCount }) => messageCount > 0n));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return chats;
}

/** Asks for the last messages of random chats, one call after the other, and keeps how long each took. */
export class LastMessages {
  readonly #connection: Connection;
  readonly #sessionId: string;
  readonly #chats: readonly Chat[];

  constructor(connection: Connection, sessionId: string, chats: readonly Chat[]) {
    this.#connection = connection;
    this.#sessionId = sessionId;
    this.#chats = chats;
  }

  /** Makes one call and returns how long it took, in ms. */
  async call(): Promise<number> {
    const chat = this.#chats[Math.floor(Math.random() * this.#chats.length)];
    if (chat === undefined) throw new Error('the session has no chat');
    const startedAt = performance.now();
    const request = { sessionId: this.#sessionId, chat: chat.jid, pageSize: PAGE_SIZE };
    const { messages } = await this.#connection.history.listMessages(request);
    const ms = performance.now() - startedAt;
    if (messages.length !== Math.min(PAGE_SIZE, Number(chat.messageCount))) throw new Error('messages are missing');
    return ms;
  }

  /** Makes so many calls. */
  async calls(count: number): Promise<number[]> {
    const ms: number[] = [];
    while (ms.length < count) ms.push(await this.call());
    return ms;
  }
}

const PAGE_SIZE = 50;
