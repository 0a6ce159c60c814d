import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { fork } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseListenAddress } from '../../src/rpc/listen-address.js';
import { openDoor } from '../support/door.js';

describe('an address to listen on', () => {
  it('is loopback with a port, or a unix socket', () => {
    expect(parseListenAddress('127.0.0.1:50051')).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 50_051 });
    expect(parseListenAddress('localhost:0')).toEqual({ kind: 'tcp', host: '127.0.0.1', port: 0 });
    expect(parseListenAddress('[::1]:1')).toEqual({ kind: 'tcp', host: '[::1]', port: 1 });
    expect(parseListenAddress('unix:/run/s')).toEqual({ kind: 'unix', path: '/run/s' });
  });

  it('is refused when others could reach it, and says why', () => {
    for (const text of [
      '0.0.0.0:50051',
      '[::]:50051',
      '192.168.1.5:50051',
      'example.org:1',
      '*:1',
      ':50051',
      '::1:1',
    ]) {
      expect(() => parseListenAddress(text), text).toThrow(/only loopback/);
    }
  });

  it('is refused when it is none', () => {
    for (const text of [
      '',
      '50051',
      '127.0.0.1',
      '127.0.0.1:x',
      '127.0.0.1:65536',
      '127.0.0.1:-1',
      'unix:s',
      'unix:/d/',
    ]) {
      expect(() => parseListenAddress(text), text).toThrow(/cannot listen on/);
    }
    expect(() => parseListenAddress(`unix:/${'a'.repeat(107)}`)).toThrow(/at most 107 bytes/);
  });
});

describe('a server on a unix socket', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'listen-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('answers, and takes its socket away when it stops', async () => {
    const socket = path.join(directory, 'socket');
    const door = await openDoor({}, `unix:${socket}`);
    expect(door.address).toBe(`unix:${socket}`);
    expect((await door.sessions.listSessions({})).sessions).toEqual([]);
    await door.stop();
    await expect(once(net.connect(socket), 'connect')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('takes over the socket that a killed process left', async () => {
    const socket = path.join(directory, 'socket');
    const script = path.join(directory, 'listen.mjs');
    const source = `import net from 'node:net'; net.createServer().listen(${JSON.stringify(socket)}, () => process.send('up'));`;
    await writeFile(script, source);
    const child = fork(script);
    await once(child, 'message');
    child.kill('SIGKILL');
    await once(child, 'exit');

    const door = await openDoor({}, `unix:${socket}`);
    expect((await door.sessions.listSessions({})).sessions).toEqual([]);
    await door.stop();
  });

  it('does not take the socket of a server that lives', async () => {
    const socket = path.join(directory, 'socket');
    const door = await openDoor({}, `unix:${socket}`);
    await expect(openDoor({}, `unix:${socket}`)).rejects.toThrow(/cannot listen on unix:/);
    expect((await door.sessions.listSessions({})).sessions).toEqual([]);
    await door.stop();
  });
});

describe('a server on TCP', () => {
  it('says that its port is taken', async () => {
    const door = await openDoor();
    await expect(openDoor({}, door.address)).rejects.toThrow(/cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
    await door.stop();
  });
});
