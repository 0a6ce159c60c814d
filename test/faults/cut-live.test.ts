import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { LinkState } from '../../src/gen/scrollback/v1/session_service_pb.js';
import { LinkedDaemon } from '../support/linked-daemon.js';
import { RandomTraffic } from '../support/random-traffic.js';
import { readAllMessages } from '../support/read-history.js';
import { readAll } from '../support/history.js';
import { Random } from '../support/synthetic-random.js';
import { LinkBench } from '../support/whatsapp-link.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

/** Decides the moments; another number tries others. */
const SEED = Number(process.env.FAULT_SEED ?? 20266);
/** A cut takes some seconds, which is the pause before the link connects again. */
const CUTS = Number(process.env.FAULT_CUTS ?? 60);
/** Each is noticed by the silence that follows. */
const FREEZES = 25;
const MOST_MESSAGES = 40;
/** After so long the moment has not come, and the cut is made at once. */
const LATE_MS = 3000;

/** Instead of a stanza or after it, on either way; `now` is whenever it happens to be. */
const moments = ['sending', 'sent', 'receiving', 'received', 'now'] as const;

it(
  'a link that is cut again and again while messages come loses none and has none twice',
  async () => {
    const random = new Random();
    random.start(SEED, 1, 1);
    const linked = await LinkedDaemon.start();
    try {
      const { daemon, whatsapp } = linked;
      const account = await linked.link('s', owner);
      const traffic = new RandomTraffic(whatsapp, account, random);
      await traffic.send(5);
      await account.settled();
      for (let cut = 0; cut < CUTS; cut++) {
        // Most cuts hit a link that has caught up: one that never does is tried again after minutes in the end.
        if (cut % 4 !== 3) await linked.until('s', LinkState.ONLINE);
        const count = 2 + random.below(MOST_MESSAGES);
        const moment = random.pick(moments);
        let left = random.below(count);
        const matches = ({ tag }: { tag: string }): boolean => (tag === 'message' || tag === 'receipt') && left-- <= 0;
        const ended = whatsapp.disconnection();
        if (moment !== 'now') void whatsapp.cut(moment, matches);
        const sending = traffic.send(count);
        if (moment === 'now') {
          // Nothing waits for this: it is the moment of the cut, also while the link connects.
          await delay(random.below(1200));
          whatsapp.cutAll();
        } else {
          // The stanza may never come: receipts of many messages travel in one.
          const late = new AbortController();
          const waited = sending.then(() => delay(LATE_MS, 'late', { signal: late.signal }));
          if ((await Promise.race([ended, waited])) === 'late') whatsapp.cutAll();
          late.abort();
          await waited.catch(() => undefined);
        }
        await sending;
      }
      await account.settled();
      const size = traffic.sent.size;
      await expect.poll(async () => (await readAllMessages(daemon.client, 's')).length, { timeout: 60_000 }).toBe(size);
      process.stdout.write(`cut ${CUTS} times; ${size} messages, ${traffic.acknowledged.length} acknowledgements\n`);
      traffic.expectWhole(await readAllMessages(daemon.client, 's'));
      expect(whatsapp.errors).toEqual([]);
    } finally {
      await linked.remove();
    }
  },
  60_000 + CUTS * 30_000,
);

it('a link that is left half open again and again loses nothing and has nothing twice', async () => {
  const random = new Random();
  random.start(SEED, 2, 1);
  const whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  const bench = await LinkBench.open();
  try {
    const pairing = bench.connect({ url: whatsapp.url }, { phoneNumber: '' });
    const offer = await pairing.offered;
    const account = await whatsapp.scanQr(offer.kind === 'qr' ? offer.payload : '', owner);
    await pairing.closed;
    const traffic = new RandomTraffic(whatsapp, account, random);
    for (let freeze = 0; freeze < FREEZES; freeze++) {
      const link = bench.connect({ url: whatsapp.url, times: { keepAliveMs: 300, closeMs: 100 } });
      const count = 2 + random.below(MOST_MESSAGES);
      const sending = traffic.send(count);
      // On a busy machine it may fall silent by itself.
      await Promise.race([link.closed, link.opened.then(() => traffic.untilAcknowledged(1 + random.below(count)))]);
      // From now on neither side hears the other, and neither knows.
      account.connection?.freeze();
      await sending;
      expect(await link.closed).toEqual({ cause: 'transient', code: 408 });
    }
    bench.connect({ url: whatsapp.url });
    await account.settled();
    await bench.recorded();
    traffic.expectWhole(await bench.use(readAll));
    expect(whatsapp.errors).toEqual([]);
  } finally {
    await bench.close();
    await whatsapp.close();
  }
}, 180_000);
