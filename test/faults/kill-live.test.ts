import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LinkedDaemon } from '../support/linked-daemon.js';
import { RandomTraffic } from '../support/random-traffic.js';
import { readAllMessages } from '../support/read-history.js';
import { Random } from '../support/synthetic-random.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

/** Decides the moments; another number tries others. */
const SEED = Number(process.env.FAULT_SEED ?? 20265);
/** A kill takes a second or two, most of it the daemon's start. */
const KILLS = Number(process.env.FAULT_KILLS ?? 50);
const MOST_MESSAGES = 60;
/** From the launch until the link is online and beyond. */
const LONGEST_LIFE_MS = 2500;

let linked: LinkedDaemon;
beforeEach(async () => {
  linked = await LinkedDaemon.start();
});
afterEach(() => linked.remove());

it(
  'a daemon that is killed again and again while messages come loses none that it acknowledged, and has none twice',
  async () => {
    const random = new Random();
    random.start(SEED, 1, 1);
    const { daemon, whatsapp } = linked;
    const account = await linked.link('s', owner);
    const traffic = new RandomTraffic(whatsapp, account, random);
    await traffic.send(5);
    await account.settled();
    for (let kill = 0; kill < KILLS; kill++) {
      const count = 1 + random.below(MOST_MESSAGES);
      const sending = traffic.send(count);
      if (random.below(4) === 0) {
        // Nothing waits for this: it is the moment of the blow, which may be before the daemon has said its first word.
        await delay(random.below(LONGEST_LIFE_MS));
      } else {
        await traffic.untilAcknowledged(1 + random.below(count));
        // Anywhere between two writes.
        await delay(random.below(30));
      }
      await daemon.kill9();
      await sending;
      await account.offline();
      daemon.launch();
    }
    expect(await daemon.untilServing()).toBe(true);
    await account.settled();
    // What was durable is recorded soon after.
    await expect.poll(async () => await countOf(), { timeout: 60_000 }).toBe(traffic.sent.size);
    const found = await readAllMessages(daemon.client, 's');
    process.stdout.write(
      `killed ${KILLS} times; ${traffic.sent.size} messages, ${traffic.acknowledged.length} acknowledgements\n`,
    );
    traffic.expectWhole(found);
    expect(whatsapp.errors).toEqual([]);
  },
  60_000 + KILLS * 30_000,
);

async function countOf(): Promise<number> {
  const { session } = await linked.daemon.client.sessions.getSession({ sessionId: 's' });
  return Number(session?.messageCount ?? 0);
}
