import type { WASocket } from '@whiskeysockets/baileys';
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { SendGate } from '../../src/whatsapp/send-gate.js';

const FRAMES = 200;

let server: WebSocketServer;
let client: WebSocket;
let peer: WebSocket;
beforeEach(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const connected = once(server, 'connection') as Promise<[WebSocket]>;
  client = new WebSocket(`ws://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  await once(client, 'open');
  [peer] = await connected;
});
afterEach(() => {
  client.terminate();
  server.close();
});

async function turnsUntil(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

it('what arrived while the socket was not read is handled in no transaction', async () => {
  const transactions = new AsyncLocalStorage<string>();
  const gate = new SendGate();
  // Safety: the gate looks at nothing else of the library's socket.
  gate.attach({ ws: { socket: client } } as unknown as WASocket);
  const seen: (string | undefined)[] = [];
  const all = new Promise<void>((resolve) => {
    client.on('message', () => {
      seen.push(transactions.getStore());
      if (seen.length === 1) transactions.run('over', holdMany);
      if (seen.length === FRAMES) resolve();
    });
  });
  let durable = (): void => undefined;
  const written = new Promise<void>((resolve) => (durable = resolve));
  function holdMany(): void {
    for (let n = 0; n < 600; n++) gate.hold(written);
  }

  peer.send(Buffer.alloc(1000));
  await turnsUntil(() => client.isPaused);
  for (let n = 1; n < FRAMES; n++) peer.send(Buffer.alloc(1000));
  // Safety: ws has its socket there; without it the test fails.
  const { _socket: socket } = client as unknown as { _socket: Socket };
  await turnsUntil(() => socket.readableLength > 0);
  durable();
  await all;
  expect(seen).toEqual(Array.from({ length: FRAMES }, () => undefined));
});
