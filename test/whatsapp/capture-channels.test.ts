import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Message, MessageKind } from '../../src/gen/scrollback/v1/message_pb.js';
import { CapturedHistory, CapturedLink } from '../support/captured-link.js';
import { closeCaptured, openCaptured } from '../support/captured-stage.js';
import { copyClientState } from '../support/whatsapp/baileys-client.js';
import { channelNotification, type ChannelUpdate } from '../support/whatsapp/channel-update.js';
import type { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';
import type { DeliverOptions } from '../support/whatsapp/message-stanza.js';
import type { Peer } from '../support/whatsapp/peer.js';

const CHANNEL = '120363000000000001@newsletter';
const T = 1_700_000_000;

let whatsapp: LoopbackWhatsApp;
let history: CapturedHistory;
let link: CapturedLink;
let anna: Peer;
let postId: string;
beforeEach(async () => {
  ({ whatsapp, anna, history, link } = await openCaptured());
  postId = randomBytes(10).toString('hex').toUpperCase();
});
afterEach(() => closeCaptured({ whatsapp, history, link }));

/** Publishes a message in the channel under the id and the server id 101, and waits until the client has it. */
async function post(text: string, options: DeliverOptions = {}): Promise<void> {
  const { attributes, ...rest } = options;
  const id = await link.account.deliver(
    anna,
    { conversation: text },
    { chat: CHANNEL, form: 'plaintext', id: postId, t: T, attributes: { server_id: '101', ...attributes }, ...rest },
  );
  await link.account.acknowledged(id);
}

/** Tells what is new in the channel, `t` seconds later than the message, and waits until the client has it. */
async function update(t: number, ...updates: ChannelUpdate[]): Promise<void> {
  const notification = channelNotification(CHANNEL, T + t, updates);
  await link.account.acknowledged(await link.account.deliverStanza(...notification));
}

/** The process dies, and another one begins. */
async function restart(): Promise<void> {
  await link.end();
  await link.account.offline();
  await history.close();
  history = await CapturedHistory.open(whatsapp, { directory: history.directory });
  link = new CapturedLink(whatsapp, history, copyClientState(link.state), link.account);
  await link.client.opened();
}

const posts = () => history.messages();
const at = (t: number) => ({ seconds: BigInt(T + t) });

describe('a message of a channel', () => {
  it('is found by its server id too', async () => {
    await post('hello');
    expect(await posts()).toMatchObject([
      { text: 'hello', key: { messageId: postId }, alternateMessageIds: ['101'], channelPost: { serverId: 101 } },
    ]);
  });

  it('has the counts that were told last, in whatever order they come', async () => {
    await post('hello');
    await update(20, { serverId: 101, views: 900, reactions: { '👍': 7, '❤️': 3 }, forwards: 2, responses: 1 });
    await update(10, { serverId: 101, views: 500, reactions: { '😂': 4 } });
    expect(await posts()).toMatchObject([
      {
        text: 'hello',
        channelPost: {
          serverId: 101,
          viewCount: 900,
          viewsTime: at(20),
          reactions: [
            { emoji: '❤️', count: 3 },
            { emoji: '👍', count: 7 },
          ],
          forwardCount: 2,
          responseCount: 1,
          countsTime: at(20),
        },
      },
    ]);
    // Views that are not told stay; of the rest, what is not told is none.
    await update(30, { serverId: 101, forwards: 3 });
    expect((await posts())[0]?.channelPost).toMatchObject({
      viewCount: 900,
      viewsTime: at(20),
      reactions: [],
      forwardCount: 3,
      responseCount: 0,
      countsTime: at(30),
    });
    expect(await posts()).toHaveLength(1);
  });

  it('has counts that were told before it, and after a restart those that came before it', async () => {
    history.drains = false;
    await update(20, { serverId: 101, views: 900 }, { serverId: 102, views: 1 });
    await update(10, { serverId: 101, id: postId, views: 500, reactions: { '👍': 2 } });
    await restart();
    expect(await posts()).toEqual([]);
    await post('hello');
    expect(await posts()).toMatchObject([
      { text: 'hello', alternateMessageIds: ['101'], channelPost: { viewCount: 900, viewsTime: at(20) } },
    ]);
    await update(30, { serverId: 101, views: 901 });
    expect(await posts()).toMatchObject([{ channelPost: { viewCount: 901, reactions: [], countsTime: at(30) } }]);
  });

  it('has counts that could not be kept when they came: they are not acknowledged, and come again', async () => {
    const { account } = link;
    await post('hello');
    let refuse: ((error: Error) => void) | undefined;
    history.onAppend = () => new Promise((_, reject) => (refuse = reject));
    const notification = channelNotification(CHANNEL, T + 1, [{ serverId: 101, views: 5 }]);
    const id = await account.deliverStanza(...notification);
    await expect.poll(() => refuse).toBeDefined();
    refuse?.(new Error('no space left on device'));
    await link.client.closed();
    expect(account.waiting).toContain(id);
    await restart();
    await account.acknowledged(id);
    expect(await posts()).toMatchObject([{ channelPost: { viewCount: 5 } }]);
  });

  it('that is a poll has the votes that were told last, also before it and after a restart', async () => {
    const counted = (votes: Record<string, number>): Record<string, number> =>
      Object.fromEntries(
        Object.entries(votes).map(([option, count]) => [createHash('sha256').update(option).digest('hex'), count]),
      );
    const told = (post?: Message) =>
      (post?.channelPost?.votes ?? []).map(({ optionSha256, count }) => [
        Buffer.from(optionSha256).toString('hex'),
        count,
      ]);
    history.drains = false;
    await update(20, { serverId: 101, votes: { red: 3, blue: 5, green: 0 } });
    await update(10, { serverId: 101, votes: { red: 9 }, views: 7 });
    await restart();
    const poll = { name: 'Which one?', options: [{ optionName: 'red' }, { optionName: 'blue' }] };
    const options = { chat: CHANNEL, form: 'plaintext', id: postId, t: T, attributes: { server_id: '101' } } as const;
    await link.account.acknowledged(await link.account.deliver(anna, { pollCreationMessageV3: poll }, options));
    const [first, ...others] = await posts();
    expect(others).toEqual([]);
    expect(first).toMatchObject({ kind: MessageKind.POLL, text: 'Which one?', channelPost: { votesTime: at(20) } });
    expect(told(first)).toEqual(Object.entries(counted({ red: 3, blue: 5 })).sort());
    // Votes that are not told stay; what names no option is none.
    await update(30, { serverId: 101, reactions: { '👍': 1 } });
    expect((await posts())[0]?.channelPost).toMatchObject({ votesTime: at(20), countsTime: at(30) });
    await update(40, { serverId: 101, votes: { red: NaN, blue: 4 } });
    expect(told((await posts())[0])).toEqual(Object.entries(counted({ blue: 4 })));
    await update(50, { serverId: 101, votes: {} });
    expect((await posts())[0]?.channelPost).toMatchObject({ votes: [], votesTime: at(50) });
    await post('', { t: T + 60, form: 'empty', attributes: { edit: '8' } });
    await update(70, { serverId: 101, votes: { red: 1 } });
    expect(await posts()).toMatchObject([{ kind: MessageKind.REVOKED, text: '' }]);
  });

  it('may come with what is new in the channel', async () => {
    await update(1, { serverId: 101, id: postId, message: { conversation: 'told' }, views: 3 });
    const first = { text: 'told', key: { messageId: postId }, sentTime: at(1), channelPost: { viewCount: 3 } };
    expect(await posts()).toMatchObject([first]);
    await post('told');
    expect(await posts()).toMatchObject([{ text: 'told', channelPost: { serverId: 101, viewCount: 3 } }]);
  });

  it('may be edited, and an edit of what is not there is the message', async () => {
    const edit = (t: number, serverId = 101): DeliverOptions => ({
      t: T + 60,
      attributes: { edit: '3', server_id: String(serverId) },
      meta: { msg_edit_t: String((T + 60) * 1000 + 5), original_msg_t: String(T + t) },
    });
    const editTime = { ...at(60), nanos: 5_000_000 };
    await post('hello');
    await post('goodbye', edit(0));
    expect(await posts()).toMatchObject([{ text: 'goodbye', sentTime: at(0), editTime }]);
    await post('hello');
    expect(await posts()).toMatchObject([{ text: 'goodbye', editTime }]);
    postId = 'ANOTHER';
    await post('late', edit(1, 102));
    expect(await posts()).toMatchObject([{ text: 'goodbye' }, { text: 'late', sentTime: at(1), editTime }]);
  });

  it('may be deleted', async () => {
    await post('hello');
    await update(10, { serverId: 101, views: 900 });
    await post('', { t: T + 60, form: 'empty', attributes: { edit: '8' } });
    expect(await posts()).toMatchObject([
      { kind: MessageKind.REVOKED, text: '', revocation: { revokeTime: at(60) }, channelPost: { viewCount: 900 } },
    ]);
  });

  it('has no counts of what says nothing that can be counted', async () => {
    await post('hello');
    const strange: ChannelUpdate[] = [
      { serverId: 101 },
      { serverId: 0, views: 7 },
      { serverId: 2 ** 40, views: 7 },
      { serverId: 101, attributes: { server_id: '-101' }, views: 7 },
      { serverId: 101, attributes: { server_id: undefined }, views: 7 },
    ];
    await update(10, ...strange);
    expect((await posts())[0]?.channelPost).toMatchObject({ viewCount: 0, reactions: [] });
    await update(20, { serverId: 101, views: 2 ** 60, forwards: -4, reactions: { '👍': 0, '❤️': NaN, '': 4 } });
    const counted = { viewCount: 2 ** 32 - 1, forwardCount: 0, reactions: [], countsTime: at(20) };
    expect(await posts()).toMatchObject([{ channelPost: counted }]);
  });
});
