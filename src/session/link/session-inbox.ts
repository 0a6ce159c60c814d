import { fromBinary } from '@bufbuild/protobuf';
import { MessageSchema } from '../../gen/scrollback/v1/message_pb.js';
import type { Logger } from '../../log.js';
import type { HistoryCounter } from '../backfill/history-counter.js';
import { InboxDrain } from './inbox-drain.js';
import type { CaptureHost, InboxReader } from './link-inbox.js';
import type { Session } from '../session.js';

/** The inbox of a session, with the drain that empties it: what a link of the session is captured into. */
export class SessionInbox implements CaptureHost {
  readonly drain: InboxDrain;

  constructor(
    private readonly session: Pick<Session, 'use' | 'commit'>,
    { inboxReader: reader, log, counter }: { inboxReader: InboxReader; log: Logger; counter?: HistoryCounter },
  ) {
    this.drain = new InboxDrain({ session, reader, log, ...(counter === undefined ? {} : { counter }) });
  }

  append(record: Uint8Array, taken?: () => void): Promise<void> {
    return this.session.use((store) => store.inbox.append(record, taken));
  }

  wake(): void {
    this.drain.wake();
  }

  getMessage({
    chatJid,
    senderJid,
    fromMe,
    messageId,
  }: Parameters<CaptureHost['getMessage']>[0]): Promise<string | undefined> {
    return this.session.use(async (store) => {
      const sender = senderJid === '' ? undefined : senderJid;
      const [found] = await store.findMessages({ chat: chatJid, messageId, fromMe, sender });
      return found === undefined ? undefined : fromBinary(MessageSchema, found).text || undefined;
    });
  }

  /** Stops draining; what is left stays in the inbox. */
  close(): Promise<void> {
    return this.drain.close();
  }
}
