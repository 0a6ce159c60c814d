import { aesDecryptGCM, decryptEventResponse, decryptPollVote, proto } from '@whiskeysockets/baileys';
import { hkdfSync } from 'node:crypto';
import type { LiveEdit, SealedLiveVote, VoteOpener } from '../domain/live-event.js';
import { convertContent } from './convert-content.js';
import { responseOf } from './convert-response.js';

/** Opens a vote with its poll's secret, an answer with its event's, or an edit with that of what was edited. */
export const openSealed: VoteOpener = (vote, { messageId, secret }) => {
  const sealed = { encPayload: vote.payload, encIv: vote.iv };
  if (vote.editId) {
    const editId = vote.editId;
    return underNames(vote, (editor, author) => {
      const key = Buffer.from(hkdfSync('sha256', secret, EMPTY, `${messageId}${author}${editor}${EVENT_EDIT}`, 32));
      // Unlike votes and answers, an edit is sealed with nothing beside it.
      return editOf(editId, aesDecryptGCM(vote.payload, key, vote.iv, EMPTY));
    });
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

function editOf(editId: string, opened: Uint8Array): LiveEdit {
  const nobody = { chatJid: '', senderJid: '', fromMe: false, messageId: editId };
  const content = convertContent({ eventMessage: eventIn(opened) }, nobody, { phone: '', lid: '' });
  if (content === undefined) throw new Error('an edit says nothing');
  // What it is a reply to does not change, and who of the two is the owner is not known here.
  return { content: { ...content, quoted: undefined }, editMs: 0 };
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

/** What the key of an edit of an event is made for: how the protocol names it. */
const EVENT_EDIT = 'Event Edit';

const EMPTY = Buffer.alloc(0);
