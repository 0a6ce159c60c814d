import { decryptEventResponse, decryptPollVote } from '@whiskeysockets/baileys';
import type { SealedLiveVote, VoteOpener } from '../domain/live-event.js';
import { responseOf } from './convert-response.js';

/** Opens a vote with its poll's secret, or an answer with its event's. */
export const openSealed: VoteOpener = (vote, { messageId, secret }) => {
  const sealed = { encPayload: vote.payload, encIv: vote.iv };
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
