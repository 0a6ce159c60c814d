import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import type { Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MediaType } from '@whiskeysockets/baileys';
import { getMediaKeys } from '@whiskeysockets/baileys';
import type { Agent } from 'undici';
import { createLoopbackDispatcher } from './loopback-dispatcher.js';

/**
 * What goes wrong with a download: a status of HTTP, `half` (the connection breaks in the middle), `short` (half of the
 * file, and well-formed), `garbage` (other bytes of the same length), `slow` (a little at a time), `silent` (half of it, and then nothing).
 */
export type MediaFault = number | 'half' | 'short' | 'garbage' | 'slow' | 'silent';

/** How a message or a notification names a file. */
export interface MediaReference {
  mediaKey: Buffer;
  directPath: string;
  url: string;
  fileSha256: Buffer;
  fileEncSha256: Buffer;
  fileLength: number;
}

const HOST = 'https://mmg.whatsapp.net';
const MAC_BYTES = 10;
// Slow enough that a client may give up in the middle, fast enough for a test that waits for the end.
const SLOW_PARTS = 10;
const SLOW_PART_MS = 50;

/**
 * Stands in for mmg.whatsapp.net: encrypted files over plain HTTP on loopback. A client reaches it through `dispatcher`,
 * which leads every connection here, whatever the name in the URL.
 */
export class MediaServer {
  /** For `options.dispatcher` of a client, or for undici's `setGlobalDispatcher`. */
  readonly dispatcher: Agent;
  /** What was asked for, in order, with the status that was answered. */
  readonly requests: { path: string; status: number; range: string | undefined }[] = [];
  /** For clients in other processes. */
  readonly port: number;
  readonly #server: Server;
  readonly #files = new Map<string, Buffer>();
  readonly #dropped = new Map<string, Buffer>();
  readonly #faults: MediaFault[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();

  private constructor(server: Server) {
    this.#server = server;
    // Safety: the server listens on TCP.
    this.port = (server.address() as AddressInfo).port;
    this.dispatcher = createLoopbackDispatcher(this.port);
    server.on('request', (request, response) => this.#answer(request.url ?? '', request.headers.range, response));
  }

  /** Listens on a port of loopback, a free one unless said. */
  static async open(port = 0): Promise<MediaServer> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return new MediaServer(server);
  }

  /** Encrypts a file and offers it for download. */
  async upload(bytes: Uint8Array, type: MediaType): Promise<MediaReference> {
    const mediaKey = randomBytes(32);
    const file = await encrypt(bytes, mediaKey, type);
    const directPath = this.#offer(file);
    return {
      mediaKey,
      directPath,
      url: `${HOST}${directPath}`,
      fileSha256: sha256(bytes),
      fileEncSha256: sha256(file),
      fileLength: bytes.length,
    };
  }

  /** Lets the next downloads go wrong, one after the other, whatever the file. */
  failNext(...faults: MediaFault[]): void {
    this.#faults.push(...faults);
  }

  /** Drops a file, as the real server does after some weeks: 404 from now on. */
  drop(directPath: string): void {
    const file = this.#files.get(directPath);
    if (file !== undefined) this.#dropped.set(directPath, file);
    this.#files.delete(directPath);
  }

  /** Offers a dropped file anew, as after an upload by the phone. Returns where it is now. */
  restore(directPath: string): string {
    const file = this.#dropped.get(directPath);
    if (file === undefined) throw new Error(`${directPath} was never dropped`);
    return this.#offer(file);
  }

  /** Closes all connections and stops listening. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server.closeAllConnections();
    await this.dispatcher.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(path: string, range: string | undefined, response: ServerResponse): void {
    const fault = this.#faults.shift();
    const file = this.#files.get(path);
    const status = typeof fault === 'number' ? fault : file === undefined ? 404 : range === undefined ? 200 : 206;
    this.requests.push({ path, status, range });
    if (file === undefined || status >= 400) {
      response.writeHead(status).end();
      return;
    }
    const body = cutRange(file, range);
    const half = body.subarray(0, Math.ceil(body.length / 2));
    switch (fault) {
      case 'half':
        response.writeHead(status, { 'content-length': body.length });
        response.write(half, () => response.destroy());
        return;
      case 'silent':
        response.writeHead(status, { 'content-length': body.length });
        response.write(half);
        return;
      case 'slow':
        response.writeHead(status, { 'content-length': body.length });
        this.#trickle(body, response);
        return;
      case 'short':
        response.writeHead(status, { 'content-length': half.length }).end(half);
        return;
      case 'garbage':
        response.writeHead(status, { 'content-length': body.length }).end(randomBytes(body.length));
        return;
      default:
        response.writeHead(status, { 'content-length': body.length }).end(body);
    }
  }

  #offer(file: Buffer): string {
    const directPath = `/v/${randomBytes(8).toString('hex')}.enc?ccb=11-4&oh=${randomBytes(4).toString('hex')}`;
    this.#files.set(directPath, file);
    return directPath;
  }

  #trickle(body: Buffer, response: ServerResponse): void {
    const step = Math.ceil(body.length / SLOW_PARTS);
    const next = (start: number): void => {
      if (response.destroyed) return;
      if (start >= body.length) return void response.end();
      response.write(body.subarray(start, start + step));
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        next(start + step);
      }, SLOW_PART_MS);
      this.#timers.add(timer);
    };
    next(0);
  }
}

/** `ciphertext ‖ MAC`; the initialisation vector comes from the key. */
async function encrypt(bytes: Uint8Array, mediaKey: Buffer, type: MediaType): Promise<Buffer> {
  const { iv, cipherKey, macKey } = await getMediaKeys(mediaKey, type);
  if (macKey === undefined || macKey === null) throw new Error(`no key for the MAC of ${type}`);
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv);
  const ciphertext = Buffer.concat([cipher.update(bytes), cipher.final()]);
  const mac = createHmac('sha256', macKey).update(iv).update(ciphertext).digest();
  return Buffer.concat([ciphertext, mac.subarray(0, MAC_BYTES)]);
}

function cutRange(file: Buffer, range: string | undefined): Buffer {
  const match = /^bytes=(\d+)-(\d*)$/.exec(range ?? '');
  if (match === null) return file;
  const end = match[2] === '' || match[2] === undefined ? file.length : Number(match[2]) + 1;
  return file.subarray(Number(match[1]), end);
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
