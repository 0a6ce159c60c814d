import { afterEach, beforeEach, expect, it } from 'vitest';
import { CapturedHistory, CapturedLink } from '../support/captured-link.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';

let whatsapp: LoopbackWhatsApp;
const links: CapturedLink[] = [];
beforeEach(async () => {
  whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
  for (const digit of ['1', '2']) {
    const owner = { phone: `49170000000${digit}`, lid: `90000000000000${digit}`, name: 'Owner' };
    links.push(await CapturedLink.link(whatsapp, await CapturedHistory.open(whatsapp), owner));
  }
});
afterEach(async () => {
  for (const link of links) await link.end();
  await whatsapp.close();
  for (const { history } of links.splice(0)) await history.remove();
  expect(whatsapp.errors).toEqual([]);
});

/** More than the quiet link needs by far; one that is kept waiting for all of them would never be heard. */
const FLOOD_AT_MOST = 20_000;
const QUIET = 20;

it('a link that is flooded does not keep another from being recorded', async () => {
  const [noisy, quiet] = links;
  if (noisy === undefined || quiet === undefined) throw new Error('two links are needed');
  const anna = whatsapp.addPerson({ phone: '491700000003', lid: '900000000000003', name: 'Anna' });
  const ben = whatsapp.addPerson({ phone: '491700000004', lid: '900000000000004', name: 'Ben' });
  let flooded = 0;
  let over = false;
  const flood = async (): Promise<void> => {
    while (!over && flooded < FLOOD_AT_MOST) {
      // So many wait for the noisy link at any moment.
      if (noisy.account.waiting.length > 500) await new Promise(setImmediate);
      else await noisy.account.deliver(anna, { conversation: `flood ${String(flooded++)}` }, { form: 'plaintext' });
    }
  };
  const flooding = flood();
  for (let n = 0; n < QUIET; n++) {
    await quiet.account.acknowledged(await quiet.account.deliver(ben, { conversation: `quiet ${String(n)}` }));
  }
  expect(await quiet.history.messages()).toHaveLength(QUIET);
  const waiting = noisy.account.waiting.length;
  over = true;
  await flooding;
  expect(waiting).toBeGreaterThan(0);
  expect(flooded).toBeLessThan(FLOOD_AT_MOST);
  await noisy.account.settled();
  expect(await noisy.history.messages()).toHaveLength(flooded);
});
