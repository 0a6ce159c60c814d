import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { proto } from '@whiskeysockets/baileys';

/** Seals an edit of an event as its author's phone does: the key comes from the event's secret and from who edits what. */
export function editEvent(given: {
  eventKey: proto.IMessageKey;
  /** The author's address, which an edit has twice: as who wrote the event, and as who edits it. */
  author: string;
  editor?: string;
  secret: Uint8Array;
  event: proto.Message.IEventMessage;
  /** Older clients seal the event without a message around it. */
  bare?: boolean;
}): proto.IMessage {
  const { eventKey, author, editor = author, secret, event, bare } = given;
  const plain =
    bare === true
      ? proto.Message.EventMessage.encode(event).finish()
      : proto.Message.encode({ eventMessage: event }).finish();
  return sealEdit({ targetKey: eventKey, author, editor, secret, plain, use: 'Event Edit', secretEncType: 1 });
}

/** Seals an edit of any other message, as its author's phone does: what is sealed is the edit that would else be sent in the open. */
export function editMessage(given: {
  targetKey: proto.IMessageKey;
  author: string;
  editor?: string;
  secret: Uint8Array;
  edited: proto.IMessage;
  /** Undefined for a client that seals the new content alone. */
  timestampMs: number | undefined;
}): proto.IMessage {
  const { targetKey, author, editor = author, secret, edited, timestampMs } = given;
  const protocolMessage = { type: MESSAGE_EDIT, key: targetKey, editedMessage: edited, timestampMs: timestampMs ?? 0 };
  const plain = proto.Message.encode(timestampMs === undefined ? edited : { protocolMessage }).finish();
  return sealEdit({ targetKey, author, editor, secret, plain, use: 'Message Edit', secretEncType: 2 });
}

/** Seals an edit of a poll, as public clients do: an edit as it would be in the open. */
export function editPoll(given: {
  pollKey: proto.IMessageKey;
  author: string;
  editor?: string;
  secret: Uint8Array;
  poll: proto.Message.IPollCreationMessage;
  timestampMs: number;
}): proto.IMessage {
  const { pollKey: key, author, editor = author, secret, poll, timestampMs } = given;
  const editedMessage = { pollCreationMessageV3: poll };
  const protocolMessage = { type: MESSAGE_EDIT, key, editedMessage, timestampMs };
  const plain = proto.Message.encode({ protocolMessage }).finish();
  return sealEdit({ targetKey: key, author, editor, secret, plain, use: 'Poll Edit', secretEncType: 4 });
}

const { MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type;

/** Seals a reaction as phones do in a community's announcements. An empty text takes it back. */
export function sealReaction(given: {
  targetKey: proto.IMessageKey;
  author: string;
  reactor: string;
  secret: Uint8Array;
  reaction: proto.Message.IReactionMessage;
}): proto.IMessage {
  const { reactor: editor, reaction, ...rest } = given;
  const plain = proto.Message.ReactionMessage.encode(reaction).finish();
  return { encReactionMessage: seal({ ...rest, editor, plain, use: 'Enc Reaction' }) };
}

/** Seals a comment as public clients do in a community's announcements: a message, which one of them puts beside the key of what it is about. */
export function sealComment(given: {
  targetKey: proto.IMessageKey;
  author: string;
  commenter: string;
  secret: Uint8Array;
  said: proto.IMessage;
  form?: 'message' | 'comment' | 'comment without a key' | 'message with a comment';
}): proto.IMessage {
  const { commenter: editor, said, form = 'message', ...rest } = given;
  const comment = { message: said, targetMessageKey: given.targetKey };
  const forms = {
    message: () => proto.Message.encode(said),
    comment: () => proto.Message.CommentMessage.encode(comment),
    'comment without a key': () => proto.Message.CommentMessage.encode({ message: said }),
    'message with a comment': () => proto.Message.encode({ commentMessage: comment }),
  };
  return { encCommentMessage: seal({ ...rest, editor, plain: forms[form]().finish(), use: 'Enc Comment' }) };
}

function sealEdit({ secretEncType, ...given }: Plain & { secretEncType: number }): proto.IMessage {
  return { secretEncryptedMessage: { ...seal(given), secretEncType } };
}

interface Plain {
  targetKey: proto.IMessageKey;
  author: string;
  editor: string;
  secret: Uint8Array;
  plain: Uint8Array;
  use: string;
}

function seal(given: Plain): proto.Message.IEncReactionMessage {
  const { targetKey, author, editor, secret, plain, use } = given;
  const seed = createHmac('sha256', Buffer.alloc(32)).update(secret).digest();
  const made = createHmac('sha256', seed).update(`${targetKey.id ?? ''}${author}${editor}${use}`);
  const key = made.update(Buffer.from([1])).digest();
  const encIv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, encIv);
  const encPayload = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return { targetMessageKey: targetKey, encPayload, encIv };
}
