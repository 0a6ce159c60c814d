import type { Message, SystemEvent } from '../gen/scrollback/v1/message_pb.js';
import { CallOutcome, EventAnswer, MessageKind, SystemEventKind } from '../gen/scrollback/v1/message_pb.js';
import { formatEnum, formatTime } from './print.js';
import { padEnd, visible } from './terminal-text.js';

/** Widths that most addresses and names fit in; longer ones are printed whole and push the rest of their line. */
const widths = { chat: 28, sender: 20 };

/** Formats a message as one line: time, chat (unless all are of one chat), sender, content. */
export function formatMessage(message: Message, options: { withChat: boolean }): string {
  const cells = [formatTime(message.sentTime).padEnd('2026-02-16T18:32:39Z'.length)];
  if (options.withChat) cells.push(padEnd(visible(message.key?.chatJid ?? ''), widths.chat));
  cells.push(padEnd(visible(senderOf(message)), widths.sender), visible(contentOf(message)));
  return cells.join('  ').trimEnd();
}

function senderOf({ key, senderName }: Message): string {
  if (key?.fromMe === true) return 'me';
  return senderName || key?.senderJid || '-';
}

function contentOf(message: Message): string {
  const parts: string[] = [];
  const label = labelOf(message);
  if (label !== '') parts.push(`[${label}]`);
  if (message.quoted !== undefined)
    parts.push(`(reply to: ${clip(message.quoted.text || kindWord(message.quoted.kind))})`);
  if (message.text !== '') parts.push(message.text);
  if (message.poll !== undefined) {
    parts.push(message.poll.options.map(({ name, voteTotal }) => `${name}: ${String(voteTotal)}`).join(', '));
  }
  if (message.event !== undefined && message.event.responses.length > 0) {
    const answers = message.event.responses.map(({ answer }) => formatEnum(EventAnswer, answer));
    parts.push(
      [...new Set(answers)]
        .sort()
        .map((word) => `${word}: ${String(count(answers, word))}`)
        .join(', '),
    );
  }
  if (message.editTime !== undefined) parts.push('(edited)');
  if (message.reactions.length > 0) parts.push(`{${message.reactions.map(({ emoji }) => emoji).join(' ')}}`);
  return parts.join(' ');
}

/** What stands before the text: what the message is, where it is not just a text. */
function labelOf(message: Message): string {
  const word = kindWord(message.kind);
  switch (message.kind) {
    case MessageKind.TEXT:
      return '';
    case MessageKind.REVOKED:
      return message.revocation?.byAdmin === true ? 'deleted by an admin' : 'deleted';
    case MessageKind.SYSTEM:
      return join(word, describeEvent(message.systemEvent, message.text));
    case MessageKind.CALL:
      return join(message.call?.video === true ? 'video call' : word, describeCall(message));
    case MessageKind.LOCATION:
    case MessageKind.LIVE_LOCATION: {
      const { latitude, longitude, name = '' } = message.location ?? {};
      return join(word, latitude === undefined ? '' : `${String(latitude)},${String(longitude)}`, name);
    }
    case MessageKind.GROUP_INVITE:
      return join(word, message.groupInvite?.groupName ?? '');
    case MessageKind.EVENT: {
      const { startTime, canceled = false } = message.event ?? {};
      return join(word, startTime === undefined ? '' : formatTime(startTime), canceled ? 'canceled' : '');
    }
    case MessageKind.UNKNOWN:
      return join(word, `type ${String(message.waType)}`);
    default: {
      const { fileName = '', durationSeconds = 0 } = message.media ?? {};
      return join(word, fileName, durationSeconds > 0 ? `${String(durationSeconds)} s` : '');
    }
  }
}

function describeEvent(event: SystemEvent | undefined, text: string): string {
  if (event === undefined) return '';
  const what =
    event.kind === SystemEventKind.OTHER ? `action ${String(event.waAction)}` : formatEnum(SystemEventKind, event.kind);
  // The value of an event from a backup is the message's text, which follows.
  return join(what, event.participantJids.join(' '), event.value === text ? '' : event.value);
}

function describeCall({ call }: Message): string {
  if (call === undefined) return '';
  return call.outcome === CallOutcome.NOT_ANSWERED ? 'not answered' : `${String(call.durationSeconds)} s`;
}

function kindWord(kind: MessageKind): string {
  return formatEnum(MessageKind, kind);
}

function join(...parts: string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}

function count(words: string[], wanted: string): number {
  return words.filter((word) => word === wanted).length;
}

function clip(text: string): string {
  const characters = [...text];
  return characters.length <= 40 ? text : characters.slice(0, 39).join('') + '…';
}
