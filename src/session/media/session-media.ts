import { fromBinary } from '@bufbuild/protobuf';
import { DomainError, invalidArgument } from '../../domain/fault.js';
import { isPerson } from '../../domain/jid.js';
import { type Message, MessageSchema } from '../../gen/scrollback/v1/message_pb.js';
import { MediaPolicy } from '../../gen/scrollback/v1/session_service_pb.js';
import type { HistoryReader } from '../../store/history-reader.js';
import type { Turns } from '../turns.js';
import type { MediaLink, MediaMessage } from '../link/link-media.js';
import { MediaDownloads } from './media-downloads.js';
import { MediaFiles, type MediaLimits, type OpenMedia } from './media-files.js';
import { type WantedMedia, wantedMedia } from './media-id.js';
import type { Session } from '../session.js';
import type { SessionLink } from '../link/session-link.js';
import type { MediaQuestion } from '../sessions.js';

/** What the files of one session work with. */
export interface SessionMediaDependencies {
  session: Session;
  link: SessionLink;
  limits: MediaLimits;
  now: () => number;
  /** The turns of one session are its own; these are everybody's. */
  turns: Turns;
  ownTurns: Turns;
}

/** The files of messages of one session: reads what is here, and fetches what is not. */
export class SessionMedia {
  readonly files: MediaFiles;
  readonly #dependencies: SessionMediaDependencies;
  readonly #downloads: MediaDownloads;

  constructor(dependencies: SessionMediaDependencies) {
    const { session, limits, now, turns, ownTurns } = dependencies;
    this.#dependencies = dependencies;
    this.files = new MediaFiles(session.directory, limits, now);
    this.#downloads = new MediaDownloads({
      files: this.files,
      link: () => this.#link(),
      namesOf: (message) => session.use((store) => namesOf(store, message)),
      turns: [ownTurns, turns],
    });
  }

  /** Opens the file of a message, once it is here. Throws the faults of ReadMedia. */
  async open(question: MediaQuestion, signal: AbortSignal): Promise<{ wanted: WantedMedia; file: OpenMedia }> {
    const found = await this.#dependencies.session.use((store) => store.findMessages(question));
    if (found.length === 0) throw new DomainError({ reason: 'MESSAGE_NOT_FOUND' });
    const wanted = theOne(found.map((row) => fromBinary(MessageSchema, row)));
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const file = await this.files.open(wanted.id);
      if (file !== undefined) return { wanted, file };
      await this.fetch(wanted, signal);
    }
    // Others needed its room before anybody could open it.
    throw new DomainError({ reason: 'MEDIA_QUOTA', limitBytes: this.#dependencies.limits.quotaBytes });
  }

  /** Fetches a file that is not here. */
  async fetch(wanted: WantedMedia, signal: AbortSignal): Promise<void> {
    const { sessionId, mediaPolicy } = this.#dependencies.session.record;
    if (mediaPolicy === MediaPolicy.NONE) throw new DomainError({ reason: 'MEDIA_POLICY', sessionId });
    this.#link();
    await this.#downloads.fetch(wanted, signal);
  }

  /** Ends all downloads. */
  close(): Promise<void> {
    return this.#downloads.close();
  }

  #link(): MediaLink {
    const { link, session } = this.#dependencies;
    if (link.connection !== undefined) return link.connection.media;
    const linkState = link.view.status.state;
    throw new DomainError({ reason: 'MEDIA_NOT_AVAILABLE', sessionId: session.record.sessionId, linkState });
  }
}

function theOne(messages: Message[]): WantedMedia {
  const wanted = messages.flatMap((message) => wantedMedia(message) ?? []);
  const [first, ...others] = wanted;
  if (first === undefined) throw new DomainError({ reason: 'MEDIA_NOT_FOUND' });
  if (others.some(({ id }) => id !== first.id)) {
    invalidArgument('message_id', 'stands for messages with different files; name the chat, and in a group the sender');
  }
  return first;
}

/** A phone may know a chat by its number or by its LID: whichever it was told of first, and no message says which. */
async function namesOf(store: HistoryReader, message: MediaMessage): Promise<MediaMessage[]> {
  const othersOf = async (jid: string): Promise<string[]> =>
    isPerson(jid) ? ((await store.getChat(jid))?.alternateJids ?? []) : [];
  const chats = [message.chatJid, ...(await othersOf(message.chatJid))];
  const senders = [message.senderJid, ...(await othersOf(message.senderJid))];
  const names = chats.flatMap((chatJid) => senders.map((senderJid) => ({ ...message, chatJid, senderJid })));
  return names.slice(0, MAX_NAMES);
}

/** Each costs a question to the phone. */
const MAX_NAMES = 3;
const ATTEMPTS = 3;
