import { proto } from '@whiskeysockets/baileys/WAProto/index.js';
import type { LiveContent, LiveKey } from '../domain/live-event.js';
import { messageKind } from '../domain/message-kind.js';
import { keyOfTarget, type Me, type WireKey } from './addresses.js';
import { contentNames } from './unwrap.js';

/** A comment on what a community announces, as its phone sends it or keeps it in its history. */
export interface Comment {
  about: WireKey | null | undefined;
  /** What it says; undefined while it is sealed with the secret of what it is about. */
  said: proto.IMessage | undefined;
}

/** The comment that a message is; undefined for what is none. */
export function commentIn({ commentMessage: open, encCommentMessage: sealed }: proto.IMessage): Comment | undefined {
  if (open?.message) return { about: open.targetMessageKey, said: withoutComment(open.message) };
  return sealed ? { about: sealed.targetMessageKey, said: undefined } : undefined;
}

/** What a comment is about, as what it replies to; it brings no copy of that. */
export function quotedBy(about: Comment['about'], key: LiveKey, me: Me): LiveContent['quoted'] {
  const target = keyOfTarget(about, key, me);
  return target && { ...target, kind: messageKind.unknown, waType: 0, text: '' };
}

/**
 * What an opened comment on a message says. What is sealed is a `Message` in one public client and a `CommentMessage` in another, which is not measured: both are read. The
 * latter names the message, or is written again to the same bytes, which no text is by chance.
 */
export function commentOf(opened: Uint8Array, messageId: string): proto.IMessage {
  try {
    const comment = proto.Message.CommentMessage.decode(opened);
    const { message: said, targetMessageKey: about } = comment;
    const isSame = (): boolean => Buffer.compare(proto.Message.CommentMessage.encode(comment).finish(), opened) === 0;
    if (said && contentNames(said).length > 0 && (about?.id === messageId || isSame())) return withoutComment(said);
  } catch {
    // Not a comment in a form of its own.
  }
  const message = proto.Message.decode(opened);
  return withoutComment(message.commentMessage?.message ?? message);
}

/** A comment holds no other, whatever somebody sends. */
function withoutComment(message: proto.IMessage): proto.IMessage {
  return { ...message, commentMessage: null, encCommentMessage: null };
}
