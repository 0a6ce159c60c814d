import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ChatRecordSchema } from '../../src/gen/scrollback/store/v1/record_pb.js';
import { type ChatSettings, joinSettings, noteSettings } from '../../src/store/chat-settings.js';

type Told = { settings: ChatSettings; asOfMs: bigint };

const newChat = () => create(ChatRecordSchema, { chat: {} });

function recordOf(told: Told[]) {
  const record = newChat();
  for (const { settings, asOfMs } of told) noteSettings(record, settings, asOfMs);
  return record;
}

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const arbitraryTold: fc.Arbitrary<Told> = fc.record({
  settings: fc.record({
    muteEndMs: maybe(fc.constantFrom(0, 1, 2)),
    pinMs: maybe(fc.constantFrom(0, 1, 2)),
    markedUnread: maybe(fc.boolean()),
    description: maybe(fc.constantFrom('', 'a', 'b')),
  }),
  asOfMs: fc.bigInt(1n, 4n),
});

it('settings of a chat are the same in whatever order, how often, and under which of its addresses they are told', () => {
  fc.assert(
    fc.property(fc.array(arbitraryTold, { maxLength: 6 }), fc.nat(6), (told, at) => {
      const expected = toBinary(ChatRecordSchema, recordOf(told));
      expect(toBinary(ChatRecordSchema, recordOf([...told].reverse()))).toEqual(expected);
      expect(toBinary(ChatRecordSchema, recordOf([...told, ...told]))).toEqual(expected);
      const united = recordOf(told.slice(0, at));
      joinSettings(united, recordOf(told.slice(at)));
      expect(toBinary(ChatRecordSchema, united)).toEqual(expected);
    }),
  );
});
