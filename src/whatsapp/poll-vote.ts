import { decryptPollVote } from '@whiskeysockets/baileys';
import type { VoteOpener } from '../domain/live-event.js';

/**
 * Opens a vote with its poll's secret. The key is made of the addresses of voter and author as the voter's phone knew them, by number or
 * by LID: the right pair is the one that opens it.
 */
export const openPollVote: VoteOpener = (vote, { messageId, secret }) => {
  for (const voterJid of vote.voterNames) {
    for (const pollCreatorJid of vote.authorNames) {
      try {
        const opened = decryptPollVote(
          { encPayload: vote.payload, encIv: vote.iv },
          { pollCreatorJid, pollMsgId: messageId, pollEncKey: secret, voterJid },
        );
        return opened.selectedOptions ?? [];
      } catch {
        // The seal says so: not under these names.
      }
    }
  }
  return undefined;
};
