import type { proto } from '@whiskeysockets/baileys';

/** What is inside of all wrappers. */
export interface Unwrapped {
  message: proto.IMessage;
  /** The receiver may open it once. */
  viewOnce: boolean;
  /** What stands beside the content: the secret of a poll, the album of a picture. */
  info: proto.IMessageContextInfo | undefined;
}

const wrappers = [
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'documentWithCaptionMessage',
  'editedMessage',
  'groupMentionedMessage',
  'botInvokeMessage',
  'lottieStickerMessage',
  'eventCoverImage',
  'statusMentionMessage',
  'pollCreationOptionImageMessage',
  'associatedChildMessage',
  'groupStatusMentionMessage',
  'pollCreationMessageV4',
  'statusAddYours',
  'groupStatusMessage',
  'groupStatusMessageV2',
  'limitSharingMessage',
  'botTaskMessage',
  'questionMessage',
  'questionReplyMessage',
  'botForwardedMessage',
  'deviceSentMessage',
] as const satisfies (keyof proto.IMessage)[];

/** More levels only somebody hostile makes. */
const MAX_LEVELS = 8;

/** Takes a message out of everything that it may be wrapped in. */
export function unwrap(wrapped: proto.IMessage): Unwrapped {
  let message = wrapped;
  let viewOnce = false;
  let info = wrapped.messageContextInfo ?? undefined;
  for (let level = 0; level < MAX_LEVELS; level++) {
    const name = wrappers.find((wrapper) => message[wrapper]?.message);
    const inner = name === undefined ? undefined : message[name]?.message;
    if (name === undefined || inner === null || inner === undefined) break;
    if (name.startsWith('viewOnce')) viewOnce = true;
    message = inner;
    info = { ...info, ...(message.messageContextInfo ?? {}) };
  }
  return { message, viewOnce, info };
}

/** What a message holds beside content: keys of the group, and what is only for the phones. */
const silent = new Set([
  'senderKeyDistributionMessage',
  'fastRatchetKeySenderKeyDistributionMessage',
  'messageContextInfo',
  'stickerSyncRmrMessage',
]);

/** The names of the contents of a message that somebody is to see. */
export function contentNames(message: proto.IMessage): string[] {
  return Object.entries(message).flatMap(([name, value]: [string, unknown]) =>
    value === null || value === undefined || silent.has(name) ? [] : [name],
  );
}
