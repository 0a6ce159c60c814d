import { createHash, createHmac, randomBytes } from 'node:crypto';
import { aesEncryptGCM, proto } from '@whiskeysockets/baileys';

/** A vote, and what it holds when it is opened. */
export interface PollVote extends proto.Message.IPollUpdateMessage {
  /** The hashes of the chosen options. */
  choices: Buffer[];
}

/** Seals a vote as a voter's phone does: the key comes from the poll's secret and from who votes on what. */
export function castPollVote(vote: {
  pollKey: proto.IMessageKey;
  pollAuthor: string;
  voter: string;
  secret: Uint8Array;
  options: string[];
}): PollVote {
  const { pollKey, pollAuthor, voter, secret } = vote;
  const choices = vote.options.map((option) => createHash('sha256').update(option).digest());
  const pollId = pollKey.id ?? '';
  const useCase = Buffer.concat([Buffer.from(`${pollId}${pollAuthor}${voter}Poll Vote`), Buffer.from([1])]);
  const seed = createHmac('sha256', Buffer.alloc(32)).update(secret).digest();
  const key = createHmac('sha256', seed).update(useCase).digest();
  const encIv = randomBytes(12);
  const plain = proto.Message.PollVoteMessage.encode({ selectedOptions: choices }).finish();
  const encPayload = aesEncryptGCM(plain, key, encIv, Buffer.from(`${pollId}\0${voter}`));
  const senderTimestampMs = Date.now();
  return { pollCreationMessageKey: pollKey, vote: { encIv, encPayload }, senderTimestampMs, choices };
}
