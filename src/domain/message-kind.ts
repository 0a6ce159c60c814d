/**
 * The kinds of messages, with the numbers of the public `MessageKind`. They are repeated here because workers encode
 * messages without the generated code; `test/domain/public-numbers.test.ts` holds the two against each other.
 */
export const messageKind = {
  text: 1,
  image: 2,
  video: 3,
  audio: 4,
  voice: 5,
  document: 6,
  sticker: 7,
  gif: 8,
  videoNote: 9,
  contact: 10,
  location: 11,
  liveLocation: 12,
  poll: 13,
  call: 14,
  system: 15,
  revoked: 16,
  groupInvite: 17,
  album: 18,
  event: 19,
  product: 20,
  order: 21,
  interactive: 22,
  pending: 23,
  unknown: 24,
} as const;

/** The number of a kind: below 128, because a position keeps it in seven bits, beside one for the direction. */
export type MessageKind = (typeof messageKind)[keyof typeof messageKind];
