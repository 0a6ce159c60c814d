import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BaileysClient, linkClient, newClientState } from '../support/whatsapp/baileys-client.js';
import { LoopbackWhatsApp } from '../support/whatsapp/loopback-whatsapp.js';

const owner = { phone: '491700000001', lid: '900000000000001', name: 'Owner' };

let whatsapp: LoopbackWhatsApp;
beforeEach(async () => {
  whatsapp = await LoopbackWhatsApp.listen({ claimsPreKeys: true });
});
afterEach(async () => {
  await whatsapp.close();
  expect(whatsapp.errors).toEqual([]);
});

describe('a login', () => {
  it('fails with each reason of the server, and succeeds when it has none', async () => {
    const { client, state } = await linkClient(whatsapp, owner);
    await client.end();
    for (const reason of [401, 403, 405, 409, 503]) {
      whatsapp.failNextLogin(reason);
      expect(await new BaileysClient(whatsapp, state).closed()).toBe(reason);
    }
    const again = new BaileysClient(whatsapp, state);
    await again.opened();
    await again.end();
  });

  it('fails for a client that is too old to register', async () => {
    whatsapp.failNextLogin(405);
    expect(await new BaileysClient(whatsapp, newClientState()).closed()).toBe(405);
  });

  it('ends with 428 when the connection is cut in the handshake', async () => {
    const cut = whatsapp.cut('handshake');
    expect(await new BaileysClient(whatsapp, newClientState()).closed()).toBe(428);
    await cut;
  });

  it('sees nothing at all when the upgrade is refused', async () => {
    whatsapp.refuseUpgrades(503);
    const client = new BaileysClient(whatsapp, newClientState(), { connectTimeoutMs: 100 });
    await new Promise((resolve) => client.socket.ws.once('unexpected-response', resolve));
    // Longer than the client's own limit for a connection, which does not help here.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(client.seen('connection.update').map(({ connection }) => connection)).toEqual(['connecting']);
    await client.end();
    expect(await client.closed()).toBeUndefined();
  });

  it('times out with 408 when the upgrade is refused on a connection that stays open', async () => {
    whatsapp.refuseUpgrades(503, { closes: false });
    const client = new BaileysClient(whatsapp, newClientState(), { connectTimeoutMs: 100 });
    expect(await client.closed()).toBe(408);
  });

  it('ends with 408 when nobody listens', async () => {
    const gone = await LoopbackWhatsApp.listen();
    const config = { waWebSocketUrl: gone.url };
    await gone.close();
    expect(await new BaileysClient(whatsapp, newClientState(), config).closed()).toBe(408);
  });
});

describe('a loopback WhatsApp', () => {
  it('leaves nothing behind that keeps a process alive', async () => {
    const module = new URL('../support/whatsapp/loopback-whatsapp.js', import.meta.url).pathname;
    const script = `
      import { connect } from 'node:net';
      import { LoopbackWhatsApp } from ${JSON.stringify(module)};
      const whatsapp = await LoopbackWhatsApp.listen();
      const anna = whatsapp.addPerson({ phone: '491700000002' });
      whatsapp.openAccount({ phone: '491700000001', lid: '900000000000001' });
      whatsapp.refuseUpgrades(503, { closes: false });
      whatsapp.media.failNext('slow');
      const { url } = await whatsapp.media.upload(Buffer.alloc(1000), 'image');
      const download = await fetch(url, { dispatcher: whatsapp.media.dispatcher });
      const socket = connect(Number(new URL(whatsapp.url).port), '127.0.0.1').on('error', () => undefined);
      socket.write('GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n\\r\\n');
      await new Promise((resolve) => socket.once('data', resolve));
      await whatsapp.close();
      await download.arrayBuffer().catch(() => undefined);
      console.log('closed', whatsapp.errors.length);`;
    const args = ['--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
    expect(stdout).toBe('closed 0\n');
  });
});

describe('a connection', () => {
  it.each([515, 503, 500, 440, 401, 411])('ends with %i when the server says so', async (code) => {
    const { client, account } = await linkClient(whatsapp, owner);
    account.endStream(code);
    expect(await client.closed()).toBe(code);
  });

  it('ends with 428 when it is cut', async () => {
    const { client } = await linkClient(whatsapp, owner);
    whatsapp.cutAll();
    expect(await client.closed()).toBe(428);
  });

  it('ends with 408 some time after the other side went silent', async () => {
    const { client, account } = await linkClient(whatsapp, owner, { keepAliveIntervalMs: 300 });
    account.connection?.freeze();
    // The client allows five seconds beyond its interval.
    expect(await client.closed()).toBe(408);
  });
});
