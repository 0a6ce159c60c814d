import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ListMessagesResponseSchema } from '../../src/gen/scrollback/v1/history_service_pb.js';
import { MessageSchema } from '../../src/gen/scrollback/v1/message_pb.js';
import { MessagesFrame, messagesFrame } from '../../src/rpc/frame.js';

describe('a frame', () => {
  it('decodes to the stored messages and the other fields, whatever the lengths', () => {
    // The lengths at which a varint grows by a byte: 128 and 16384.
    for (const length of [0, 1, 100, 127, 128, 129, 16_370, 16_384, 70_000]) {
      const messages = ['a', 'b'].map((messageId) =>
        create(MessageSchema, { key: { messageId }, text: 'ä'.repeat(length / 2) }),
      );
      const rest = create(ListMessagesResponseSchema, { nextPageToken: 'token', chatJid: 'x@g.us' });
      const frame = messagesFrame(
        messages.map((message) => toBinary(MessageSchema, message)),
        toBinary(ListMessagesResponseSchema, rest),
      );
      const expected = create(ListMessagesResponseSchema, { ...rest, messages });
      expect(fromBinary(ListMessagesResponseSchema, frame), `length ${length}`).toEqual(expected);
    }
  });

  it('of a stream is joined to the same bytes, whatever was joined before and however large it is', () => {
    const rest = Buffer.from('rest');
    for (const length of [3, 1_000_000, 2, 200_000, 100, 300_000, 0]) {
      const messages = [1, 2].map((byte) => Buffer.alloc(length, byte));
      expect(new MessagesFrame(messages, rest).join().equals(messagesFrame(messages, rest)), `length ${length}`).toBe(
        true,
      );
    }
  });

  it('holds empty messages too', () => {
    const frame = messagesFrame([Buffer.alloc(0), Buffer.alloc(0)], Buffer.alloc(0));
    expect(frame.toString('hex')).toBe('0a000a00');
  });
});
