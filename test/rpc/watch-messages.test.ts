import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WatchMessagesResponse } from '../../src/gen/scrollback/v1/history_service_pb.js';
import { MessageKeySchema, MessageKind } from '../../src/gen/scrollback/v1/message_pb.js';
import type { Door } from '../support/door.js';
import { openDoor, until } from '../support/door.js';
import type { MemoryHistory } from '../support/memory-history.js';
import { aMessage } from '../support/memory-history.js';

let door: Door;
let history: MemoryHistory;
async function open(heartbeatMs = 60_000): Promise<void> {
  door = await openDoor({ heartbeatMs });
  history = door.memory.history('s');
}
beforeEach(() => open());
afterEach(() => door.stop());

type Request = Parameters<Door['history']['watchMessages']>[0];

/** Watches until `enough` says so. Then the server must let go of everything. */
async function watch(request: Request, enough: (frames: WatchMessagesResponse[]) => boolean) {
  const frames: WatchMessagesResponse[] = [];
  for await (const frame of door.history.watchMessages(request)) {
    frames.push(frame);
    if (enough(frames)) break;
  }
  await until(() => door.memory.held === 0 && history.followers === 0);
  return frames;
}

const ids = (frames: WatchMessagesResponse[]) =>
  frames.flatMap((frame) => frame.messages.map((one) => one.key?.messageId));

describe('WatchMessages', () => {
  it('first sends an empty frame with the present revision, then everything that was stored, then what comes', async () => {
    history.add(aMessage('A'));
    history.add(aMessage('B'));
    const frames = await watch({ sessionId: 's' }, (seen) => {
      if (seen.length === 3) history.add(aMessage('C'));
      return seen.length === 4;
    });
    expect(frames[0]).toMatchObject({ messages: [], removed: [], revision: 2n });
    expect(ids(frames)).toEqual(['A', 'B', 'C']);
    expect(frames.slice(1).map((frame) => frame.revision)).toEqual([1n, 2n, 3n]);
  });

  it('starts after a revision', async () => {
    for (const id of ['A', 'B', 'C']) history.add(aMessage(id));
    const frames = await watch({ sessionId: 's', afterRevision: 2n }, (seen) => seen.length === 2);
    expect(ids(frames)).toEqual(['C']);
  });

  it('resumes after any frame, the first and one in the middle of a commit included', async () => {
    history.add(...Array.from({ length: 1_200 }, (_, n) => aMessage(`m${n}`)));
    const whole = await watch({ sessionId: 's' }, (seen) => ids(seen).length === 1_200);
    expect(whole.length).toBeGreaterThan(3);
    for (const [index, frame] of whole.slice(0, -1).entries()) {
      const expected = ids(whole.slice(index + 1));
      const request = { sessionId: 's', resumeToken: frame.resumeToken, afterRevision: 999n };
      expect(ids(await watch(request, (seen) => ids(seen).length >= expected.length))).toEqual(expected);
    }
  });

  it('sends only what fits', async () => {
    const chatJid = '49@s.whatsapp.net';
    history.add(
      aMessage('other'),
      aMessage('text', { chatJid }),
      aMessage('image', { chatJid, kind: MessageKind.IMAGE }),
    );
    const frames = await watch(
      { sessionId: 's', chat: '+49', kinds: [MessageKind.IMAGE] },
      (seen) => seen.length === 2,
    );
    expect(ids(frames)).toEqual(['image']);
  });

  it('tells of removed messages by their keys', async () => {
    const key = create(MessageKeySchema, { chatJid: '49@s.whatsapp.net', messageId: 'A' });
    history.remove(key);
    const frames = await watch({ sessionId: 's' }, (seen) => seen.length === 2);
    expect(frames[1]?.removed).toEqual([key]);
  });

  it('sends an empty frame when nothing happens, from which one can resume', async () => {
    await door.stop();
    await open(1);
    history.add(aMessage('A'));
    const frames = await watch({ sessionId: 's' }, (seen) => seen.length === 5);
    expect(frames.slice(2).map((frame) => [frame.messages.length, frame.revision])).toEqual([
      [0, 1n],
      [0, 1n],
      [0, 1n],
    ]);
    history.add(aMessage('B'));
    const resumeToken = frames.at(-1)?.resumeToken ?? '';
    expect(ids(await watch({ sessionId: 's', resumeToken }, (seen) => ids(seen).length === 1))).toEqual(['B']);
  });

  it('refuses a revision to which the session has not come, and says where it is', async () => {
    history.add(aMessage('A'));
    await expect(watch({ sessionId: 's', afterRevision: 2n }, () => false)).rejects.toMatchObject({
      code: status.OUT_OF_RANGE,
      reason: 'REVISION_AHEAD',
      metadata: { revision: '1' },
    });
    await expect(watch({ sessionId: 's', afterRevision: 2n ** 64n - 1n }, () => false)).rejects.toMatchObject({
      reason: 'INVALID_ARGUMENT',
      metadata: { field: 'after_revision' },
    });
    const waiting = await watch({ sessionId: 's', afterRevision: 1n }, (seen) => seen.length === 1);
    expect(waiting[0]?.revision).toBe(1n);
  });

  it('says that the session is unavailable when its history is closed under it', async () => {
    const call = watch({ sessionId: 's' }, () => {
      history.close();
      return false;
    });
    await expect(call).rejects.toMatchObject({ code: status.UNAVAILABLE, reason: 'SESSION_UNAVAILABLE' });
  });

  it('refuses the token of another filter', async () => {
    const [frame] = await watch({ sessionId: 's' }, (seen) => seen.length === 1);
    const request = { sessionId: 's', chat: '49', resumeToken: frame?.resumeToken ?? '' };
    await expect(watch(request, () => false)).rejects.toMatchObject({ reason: 'INVALID_PAGE_TOKEN' });
  });
});
