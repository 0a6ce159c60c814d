/** What WhatsApp counts of a message of a channel. */
export interface LiveChannelCounts {
  serverId: number;
  asOfMs: number;
  /** Undefined when it was not told. */
  viewCount: number | undefined;
  reactions: { emoji: string; count: number }[];
  forwardCount: number;
  responseCount: number;
  /** Of a poll, whose options have the hash of their texts for a name; undefined when they were not told. */
  votes: { optionSha256: Uint8Array; count: number }[] | undefined;
}
