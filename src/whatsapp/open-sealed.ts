import { aesDecryptGCM, decryptEventResponse, decryptPollVote, proto } from '@whiskeysockets/baileys';
import { hkdfSync } from 'node:crypto';
import type { LiveComment, LiveEdit, LiveReaction, SealedLiveVote, VoteOpener } from '../domain/live-event.js';
import { commentOf } from './convert-comment.js';
import { convertContent } from './convert-content.js';
import { responseOf } from './convert-response.js';
import { msOf } from './numbers.js';
import { unwrap } from './unwrap.js';

/** Opens a vote with its poll's secret, an answer with its event's, or an edit, a reaction or a comment with that of what it is about. */
export const openSealed: VoteOpener = (vote, { messageId, secret }) => {
  const sealed = { encPayload: vote.payload, encIv: vote.iv };
  const { editId = '', commentId = '' } = vote;
  if (editId !== '') {
    return underNames(vote, (editor, author) =>
      editOf(editId, openEdit(vote, secret, `${messageId}${author}${editor}`)),
    );
  }
  if (commentId !== '') {
    return underNames(vote, (commenter, author) =>
      openedComment(openPlain(vote, secret, `${messageId}${author}${commenter}Enc Comment`), messageId),
    );
  }
  if (vote.reaction === true) {
    return underNames(vote, (reactor, author) =>
      reactionOf(openPlain(vote, secret, `${messageId}${author}${reactor}Enc Reaction`)),
    );
  }
  if (vote.eventResponse === true) {
    return underNames(vote, (responderJid, eventCreatorJid) =>
      responseOf(
        decryptEventResponse(sealed, { eventCreatorJid, eventMsgId: messageId, eventEncKey: secret, responderJid }),
      ),
    );
  }
  return underNames(vote, (voterJid, pollCreatorJid) => {
    const opened = decryptPollVote(sealed, { pollCreatorJid, pollMsgId: messageId, pollEncKey: secret, voterJid });
    return opened.selectedOptions ?? [];
  });
};

/**
 * The key is made of the addresses of who seals and of the author, as the phone that sealed knew them, by number or by LID: the right
 * pair is the one that opens it.
 */
function underNames<T>(vote: SealedLiveVote, open: (voter: string, author: string) => T): T | undefined {
  for (const voter of vote.voterNames) {
    for (const author of vote.authorNames) {
      try {
        return open(voter, author);
      } catch {
        // The seal says so: not under these names.
      }
    }
  }
  return undefined;
}

/** Unlike votes and answers, edits, reactions and comments are sealed with nothing beside them. That of comments is as public clients do it, not measured. */
function openPlain({ payload, iv }: SealedLiveVote, secret: Uint8Array, use: string): Buffer {
  return aesDecryptGCM(payload, Buffer.from(hkdfSync('sha256', secret, EMPTY, use, 32)), iv, EMPTY);
}

/** Which message it is about is said outside, by who sealed it and whose secret opens it: a key inside counts for nothing. */
function reactionOf(bytes: Uint8Array): LiveReaction {
  const { text, senderTimestampMs } = proto.Message.ReactionMessage.decode(bytes);
  return { emoji: text ?? '', reactMs: msOf(senderTimestampMs) };
}

function openedComment(bytes: Uint8Array, messageId: string): LiveComment {
  const nobody = { chatJid: '', senderJid: '', fromMe: false, messageId: '' };
  const comment = convertContent(commentOf(bytes, messageId), nobody, { phone: '', lid: '' });
  if (comment === undefined) throw new Error('a comment says nothing');
  // What it is about is said outside, as with a reaction.
  return { comment: { ...comment, quoted: undefined } };
}

/** Edits of events, of polls and of other messages are sealed with different keys; that of polls is as public clients have it, not measured. */
function openEdit(vote: SealedLiveVote, secret: Uint8Array, names: string): Opened {
  for (const use of ['Message Edit', 'Event Edit']) {
    try {
      return { isEvent: use === 'Event Edit', bytes: openPlain(vote, secret, names + use) };
    } catch {
      // The seal says so: not for this use.
    }
  }
  return { isEvent: false, bytes: openPlain(vote, secret, `${names}Poll Edit`) };
}

interface Opened {
  isEvent: boolean;
  bytes: Buffer;
}

function editOf(editId: string, { isEvent, bytes }: Opened): LiveEdit {
  const opened = isEvent ? { eventMessage: eventIn(bytes) } : unwrap(proto.Message.decode(bytes)).message;
  // An edit of what is no event is the whole message that it would be if it were not sealed.
  const { protocolMessage } = opened;
  const edited = protocolMessage ? protocolMessage.editedMessage : opened;
  const nobody = { chatJid: '', senderJid: '', fromMe: false, messageId: editId };
  const content = edited ? convertContent(edited, nobody, { phone: '', lid: '' }) : undefined;
  if (content === undefined) throw new Error('an edit says nothing');
  // What it is a reply to does not change, and who of the two is the owner is not known here.
  return { content: { ...content, quoted: undefined }, editMs: msOf(protocolMessage?.timestampMs) };
}

/** Phones seal a message with the event in it, some other clients the event alone: what is read as the other one is nonsense, or nothing. */
function eventIn(opened: Uint8Array): proto.Message.IEventMessage {
  try {
    const { eventMessage } = proto.Message.decode(opened);
    if (eventMessage) return eventMessage;
  } catch {
    // Not a message.
  }
  const event = proto.Message.EventMessage.decode(opened);
  if (!event.name) throw new Error('an edit holds no event');
  return event;
}

const EMPTY = Buffer.alloc(0);
