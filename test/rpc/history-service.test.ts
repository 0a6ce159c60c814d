import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ChatKind,
  ChatSchema,
  ContactSchema,
  CoverageSchema,
  Direction,
  GroupSchema,
  LabelSchema,
  Order,
} from '../../src/gen/scrollback/v1/history_service_pb.js';
import type { Message } from '../../src/gen/scrollback/v1/message_pb.js';
import { MessageKind, Source } from '../../src/gen/scrollback/v1/message_pb.js';
import type { Door } from '../support/door.js';
import { openDoor, until } from '../support/door.js';
import type { MemoryHistory } from '../support/memory-history.js';
import { aMessage } from '../support/memory-history.js';

let door: Door;
let history: MemoryHistory;
beforeEach(async () => {
  door = await openDoor();
  history = door.memory.history('s');
});
afterEach(() => door.stop());

const start = 1_700_000_000_000;
const ids = (messages: Message[]) => messages.map((message) => message.key?.messageId);

/** Messages `m0` to `m(count − 1)`, one each second. */
function fill(count: number, text = ''): void {
  history.add(...Array.from({ length: count }, (_, n) => aMessage(`m${n}`, { sentMs: start + n * 1_000, text })));
}

describe('ListMessages', () => {
  it('returns the newest first and 50 of them, unless told otherwise', async () => {
    fill(60);
    const page = await door.history.listMessages({ sessionId: 's' });
    expect(ids(page.messages)).toEqual(Array.from({ length: 50 }, (_, n) => `m${59 - n}`));
    const oldest = await door.history.listMessages({ sessionId: 's', order: Order.OLDEST_FIRST, pageSize: 2 });
    expect(ids(oldest.messages)).toEqual(['m0', 'm1']);
  });

  it('coerces a page size beyond 1000 and refuses a negative one', async () => {
    fill(1_002);
    const page = await door.history.listMessages({ sessionId: 's', pageSize: 1_000_000 });
    expect(page.messages).toHaveLength(1_000);
    await expect(door.history.listMessages({ sessionId: 's', pageSize: -1 })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      metadata: { field: 'page_size' },
    });
  });

  it('pages without a message twice or left out while new ones arrive and many share a millisecond', async () => {
    history.add(...Array.from({ length: 25 }, (_, n) => aMessage(`m${n}`, { sentMs: start })));
    const seen: (string | undefined)[] = [];
    let pageToken = '';
    do {
      const page = await door.history.listMessages({ sessionId: 's', pageSize: 4, pageToken });
      seen.push(...ids(page.messages));
      pageToken = page.nextPageToken;
      history.add(aMessage(`new${seen.length}`, { sentMs: start + 5 }));
    } while (pageToken !== '');
    expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => `m${24 - n}`));
  });

  it('ends a page at about a MiB', async () => {
    fill(40, 'x'.repeat(60_000));
    const page = await door.history.listMessages({ sessionId: 's' });
    expect(page.messages.length).toBeLessThan(20);
    expect(page.nextPageToken).not.toBe('');
  });

  it('takes both bounds as inclusive, filters, and normalises the chat', async () => {
    const chatJid = '4917099999@s.whatsapp.net';
    history.add(
      aMessage('other'),
      aMessage('before', { chatJid, sentMs: start - 1 }),
      aMessage('first', { chatJid, sentMs: start }),
      aMessage('image', { chatJid, sentMs: start + 1, kind: MessageKind.IMAGE }),
      aMessage('mine', { chatJid, sentMs: start + 2, fromMe: true }),
      aMessage('last', { chatJid, sentMs: start + 3 }),
      aMessage('after', { chatJid, sentMs: start + 4 }),
    );
    const page = await door.history.listMessages({
      sessionId: 's',
      chat: '+49 170 99999',
      from: timestampFromMs(start),
      to: timestampFromMs(start + 3),
      kinds: [MessageKind.TEXT],
      direction: Direction.INCOMING,
      order: Order.OLDEST_FIRST,
    });
    expect(ids(page.messages)).toEqual(['first', 'last']);
    expect(page).toMatchObject({ chatJid, nextPageToken: '' });
  });

  it('returns nothing for an unknown chat', async () => {
    fill(1);
    const page = await door.history.listMessages({ sessionId: 's', chat: '+1 555' });
    expect(page).toMatchObject({ messages: [], nextPageToken: '', chatJid: '1555@s.whatsapp.net' });
  });

  it('names the field of a wrong request', async () => {
    const wrong: [string, Parameters<Door['history']['listMessages']>[0]][] = [
      ['session_id', {}],
      ['from', { sessionId: 's', from: timestampFromMs(2), to: timestampFromMs(1) }],
      ['kinds', { sessionId: 's', kinds: [99 as MessageKind] }], // Safety: what a newer client may send.
      ['order', { sessionId: 's', order: 9 as Order }], // Safety: the same.
      ['direction', { sessionId: 's', direction: 9 as Direction }], // Safety: the same.
      ['chat', { sessionId: 's', chat: 'nobody' }],
    ];
    for (const [field, request] of wrong) {
      const refused = { code: status.INVALID_ARGUMENT, metadata: { field } };
      await expect(door.history.listMessages(request), field).rejects.toMatchObject(refused);
    }
    await expect(door.history.listMessages({ sessionId: 'none' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
      reason: 'SESSION_NOT_FOUND',
    });
  });

  it('refuses a token of another question and of another session', async () => {
    fill(3);
    door.memory.history('t').add(aMessage('x'), aMessage('y'));
    const { nextPageToken: pageToken } = await door.history.listMessages({ sessionId: 's', pageSize: 1 });
    const refused = { code: status.INVALID_ARGUMENT, reason: 'INVALID_PAGE_TOKEN' };
    for (const request of [{ sessionId: 't' }, { sessionId: 's', chat: '1' }, { sessionId: 's', kinds: [1] }]) {
      await expect(door.history.listMessages({ ...request, pageToken })).rejects.toMatchObject(refused);
    }
    await expect(collect({ sessionId: 's', resumeToken: pageToken })).rejects.toMatchObject(refused);
    const next = await door.history.listMessages({ sessionId: 'S', pageSize: 9, pageToken });
    expect(ids(next.messages)).toEqual(['m1', 'm0']);
  });
});

async function collect(request: Parameters<Door['history']['readMessages']>[0]) {
  const frames: { ids: (string | undefined)[]; resumeToken: string }[] = [];
  for await (const frame of door.history.readMessages(request)) {
    frames.push({ ids: ids(frame.messages), resumeToken: frame.resumeToken });
  }
  return frames;
}

describe('ReadMessages', () => {
  it('streams all messages in frames of bounded size, then ends', async () => {
    fill(1_234);
    const frames = await collect({ sessionId: 's' });
    expect(frames.flatMap((frame) => frame.ids)).toEqual(Array.from({ length: 1_234 }, (_, n) => `m${1_233 - n}`));
    const sizes = frames.map((frame) => frame.ids.length);
    // The first frames are small, for whoever never reads; later ones are not.
    expect(Math.max(...sizes.slice(0, 8))).toBeLessThanOrEqual(125);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(500);
    expect(door.memory.held).toBe(0);
  });

  it('bounds frames by bytes, but always moves', async () => {
    fill(10, 'x'.repeat(30_000));
    history.add(aMessage('huge', { sentMs: start - 1, text: 'x'.repeat(200_000) }));
    const frames = await collect({ sessionId: 's' });
    expect(frames.map((frame) => frame.ids.length)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 2, 1]);
  });

  it('resumes after any frame', async () => {
    fill(1_100);
    const whole = await collect({ sessionId: 's', order: Order.OLDEST_FIRST });
    for (const [index, frame] of whole.entries()) {
      const rest = await collect({ sessionId: 's', order: Order.OLDEST_FIRST, resumeToken: frame.resumeToken });
      expect(rest.flatMap((one) => one.ids)).toEqual(whole.slice(index + 1).flatMap((one) => one.ids));
    }
  });

  it('ends at a limit, with a token that goes on', async () => {
    fill(700);
    const first = await collect({ sessionId: 's', limit: 600n });
    const seen = first.flatMap((frame) => frame.ids);
    expect(seen).toHaveLength(600);
    const second = await collect({ sessionId: 's', limit: 600n, resumeToken: first.at(-1)?.resumeToken ?? '' });
    expect([...seen, ...second.flatMap((frame) => frame.ids)]).toEqual(
      Array.from({ length: 700 }, (_, n) => `m${699 - n}`),
    );
  });

  it('sends no frame when there is nothing', async () => {
    expect(await collect({ sessionId: 's' })).toEqual([]);
    expect(await collect({ sessionId: 's', chat: '1' })).toEqual([]);
  });

  it('stops reading when the client goes', async () => {
    fill(50_000);
    for await (const frame of door.history.readMessages({ sessionId: 's' })) {
      expect(door.memory.held).toBe(1);
      if (frame.messages.length > 0) break;
    }
    await until(() => door.memory.held === 0);
    expect(door.logged.filter((line) => line.includes('"level":50'))).toEqual([]);
  });
});

describe('GetMessage', () => {
  it('returns all messages that bear an id, or the one that is asked for', async () => {
    history.add(
      aMessage('A', { chatJid: '1@s.whatsapp.net' }),
      aMessage('A', { chatJid: '2@s.whatsapp.net', fromMe: true }),
    );
    const all = await door.history.getMessage({ sessionId: 's', messageId: 'A' });
    const one = await door.history.getMessage({ sessionId: 's', messageId: 'A', fromMe: true });
    const other = await door.history.getMessage({ sessionId: 's', messageId: 'A', chat: '1', fromMe: false });
    expect(all.messages).toHaveLength(2);
    expect(one.messages.map((message) => message.key?.chatJid)).toEqual(['2@s.whatsapp.net']);
    expect(other.messages.map((message) => message.key?.chatJid)).toEqual(['1@s.whatsapp.net']);
  });

  it('bounds its answer when an id repeats with long texts', async () => {
    const text = 'x'.repeat(60_000);
    history.add(...Array.from({ length: 100 }, (_, n) => aMessage('A', { chatJid: `${n}@s.whatsapp.net`, text })));
    const { messages } = await door.history.getMessage({ sessionId: 's', messageId: 'A' });
    expect(messages.length).toBeGreaterThan(10);
    expect(messages.length).toBeLessThan(20);
  });

  it('says when there is none, and when no id was given', async () => {
    await expect(door.history.getMessage({ sessionId: 's', messageId: 'A' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
      reason: 'MESSAGE_NOT_FOUND',
    });
    for (const messageId of ['A\0', 'A'.repeat(129)]) {
      await expect(door.history.getMessage({ sessionId: 's', messageId })).rejects.toMatchObject({
        reason: 'MESSAGE_NOT_FOUND',
      });
    }
    await expect(door.history.getMessage({ sessionId: 's' })).rejects.toMatchObject({
      metadata: { field: 'message_id' },
    });
  });
});

describe('the other methods of HistoryService', () => {
  it('list chats by kind, page by page', async () => {
    history.chats = [1, 2, 3, 4].map((n) =>
      create(ChatSchema, { jid: `${n}@g.us`, kind: n === 2 ? ChatKind.DIRECT : ChatKind.GROUP }),
    );
    const kinds = [ChatKind.GROUP];
    const first = await door.history.listChats({ sessionId: 's', kinds, pageSize: 2 });
    const second = await door.history.listChats({ sessionId: 's', kinds, pageSize: 2, pageToken: first.nextPageToken });
    expect([...first.chats, ...second.chats].map((chat) => chat.jid)).toEqual(['1@g.us', '3@g.us', '4@g.us']);
    expect(second.nextPageToken).toBe('');
    await expect(door.history.listChats({ sessionId: 's', pageToken: first.nextPageToken })).rejects.toMatchObject({
      reason: 'INVALID_PAGE_TOKEN',
    });
  });

  it('return a chat, and say when it is unknown', async () => {
    history.chats = [create(ChatSchema, { jid: '49@s.whatsapp.net', name: 'Ann' })];
    expect((await door.history.getChat({ sessionId: 's', chat: '+49' })).chat?.name).toBe('Ann');
    await expect(door.history.getChat({ sessionId: 's', chat: '50' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
      reason: 'CHAT_NOT_FOUND',
    });
    await expect(door.history.getChat({ sessionId: 's' })).rejects.toMatchObject({ metadata: { field: 'chat' } });
  });

  it('list labels, all at once', async () => {
    history.labels = [create(LabelSchema, { labelId: '1', name: 'Orders' })];
    expect((await door.history.listLabels({ sessionId: 's' })).labels).toMatchObject([
      { labelId: '1', name: 'Orders' },
    ]);
  });

  it('list contacts and groups, page by page', async () => {
    history.contacts = ['a', 'b', 'c'].map((jid) => create(ContactSchema, { jid }));
    history.groups = ['x', 'y', 'z'].map((jid) => create(GroupSchema, { jid, members: [{ jid: 'm' }] }));
    const contacts = await door.history.listContacts({ sessionId: 's', pageSize: 2 });
    const groups = await door.history.listGroups({ sessionId: 's', pageSize: 2 });
    expect(contacts.contacts.map((contact) => contact.jid)).toEqual(['a', 'b']);
    expect(groups.groups.map((group) => group.members[0]?.jid)).toEqual(['m', 'm']);
    const rest = await door.history.listContacts({ sessionId: 's', pageToken: contacts.nextPageToken });
    expect(rest.contacts.map((contact) => contact.jid)).toEqual(['c']);
    const last = await door.history.listGroups({ sessionId: 's', pageToken: groups.nextPageToken });
    expect(last.groups.map((group) => group.jid)).toEqual(['z']);
    expect([rest.nextPageToken, last.nextPageToken]).toEqual(['', '']);
  });
});

describe('GetCoverage', () => {
  it('tells stretches and gaps; one from the beginning has no start', async () => {
    history.coverage = {
      stretches: [
        { fromMs: 0, toMs: start, source: 1 },
        { fromMs: start + 5_000, toMs: start + 6_000, source: 2 },
      ],
      gaps: [{ fromMs: start, toMs: start + 5_000 }],
      firstMessageMs: start - 1_000,
      asOfMs: start + 6_000,
    };
    const at = (ms: number) => timestampFromMs(start + ms);
    const { coverage } = await door.history.getCoverage({ sessionId: 's', chat: '+49 170 1234567' });
    expect(coverage).toEqual(
      create(CoverageSchema, {
        chatJid: '491701234567@s.whatsapp.net',
        stretches: [
          { toTime: at(0), source: Source.BACKUP },
          { fromTime: at(5_000), toTime: at(6_000), source: Source.LIVE },
        ],
        gaps: [{ fromTime: at(0), toTime: at(5_000) }],
        firstMessageTime: at(-1_000),
        asOfTime: at(6_000),
      }),
    );
  });

  it('is of the whole account without a chat, which has no first message yet', async () => {
    history.coverage.asOfMs = start;
    const { coverage } = await door.history.getCoverage({ sessionId: 's' });
    expect(coverage).toEqual(create(CoverageSchema, { asOfTime: timestampFromMs(start) }));
  });

  it('refuses a chat that is no address', async () => {
    await expect(door.history.getCoverage({ sessionId: 's', chat: 'x'.repeat(300) })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      metadata: { field: 'chat' },
    });
  });
});
