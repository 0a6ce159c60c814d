import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { expect, it } from 'vitest';
import { formatMessage } from '../../src/cli/message-line.js';
import { MessageKind, MessageSchema, SystemEventKind } from '../../src/gen/scrollback/v1/message_pb.js';

it.each([
  ['once when it is the text of the message, as in a backup', 'Chess', 'Chess'],
  ['also when the message has no text', '', 'Chess'],
])('the line of a notice has its value %s', (_, text, value) => {
  const message = create(MessageSchema, {
    key: { chatJid: '1@g.us' },
    sentTime: timestampFromMs(Date.parse('2026-02-16T18:32:39Z')),
    kind: MessageKind.SYSTEM,
    text,
    systemEvent: { kind: SystemEventKind.SUBJECT_CHANGED, value },
  });
  const line = formatMessage(message, { withChat: false });
  expect(line).toMatch(/^2026-02-16T18:32:39Z {2}- +\[system subject-changed/);
  expect(line.split('Chess')).toHaveLength(2);
});
