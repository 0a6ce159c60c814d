import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

/** Where a server listens: loopback or a unix socket, because there are no tokens and no TLS yet. */
export type ListenAddress = { kind: 'tcp'; host: '127.0.0.1' | '[::1]'; port: number } | { kind: 'unix'; path: string };

/** Longest path of a unix socket in bytes: `sun_path` of Linux less the final NUL. */
const socketPathMaxBytes = 107;

const loopbackHosts = new Map<string, '127.0.0.1' | '[::1]'>([
  ['127.0.0.1', '127.0.0.1'],
  ['localhost', '127.0.0.1'],
  ['[::1]', '[::1]'],
]);

/**
 * Reads `127.0.0.1:PORT`, `localhost:PORT` (the same), `[::1]:PORT` or `unix:/PATH`; port 0 takes a free one. Throws an
 * Error that says what to do for anything else: whoever reaches the port can read and delete everything.
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:')) return unixAddress(text, text.slice('unix:'.length));
  const [, name, digits] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (name === undefined || port > 65_535) {
    throw new Error(`cannot listen on "${text}": write 127.0.0.1:50051, [::1]:50051 or unix:/run/scrollback/socket`);
  }
  const host = loopbackHosts.get(name);
  if (host === undefined) {
    throw new Error(
      `cannot listen on "${text}": only loopback (127.0.0.1, [::1], localhost) or a unix socket is allowed, because ` +
        'there are no access tokens and no TLS yet; put a proxy that checks who asks in front of it',
    );
  }
  return { kind: 'tcp', host, port };
}

function unixAddress(text: string, path: string): ListenAddress {
  if (!path.startsWith('/') || path.endsWith('/')) {
    throw new Error(`cannot listen on "${text}": write unix: and the absolute path of a socket`);
  }
  if (Buffer.byteLength(path) > socketPathMaxBytes) {
    throw new Error(`cannot listen on "${text}": a socket's path may have at most ${socketPathMaxBytes} bytes`);
  }
  return { kind: 'unix', path };
}

/** Returns the address as clients write it. */
export function formatAddress(address: ListenAddress): string {
  return address.kind === 'unix' ? `unix:${address.path}` : `${address.host}:${address.port}`;
}

/**
 * Removes the socket file that a killed daemon left, on which nobody could listen otherwise. One on which somebody
 * answers stays, and so does a file that is no socket: listening then fails with its own error.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() !== true) return;
  if (!(await answers(path))) await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    // Only "nobody listens" proves that it is stale: a socket one may not connect to is somebody's.
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code !== 'ECONNREFUSED'));
  });
}
