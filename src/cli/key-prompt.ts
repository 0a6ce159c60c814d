import { open } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { BackupKeySchema } from '../gen/scrollback/v1/backfill_service_pb.js';
import { describeFileProblem, Failure, Interrupted, reasonOf } from './failure.js';

/** The key of a backup, as requests hold it. */
export type BackupKey = MessageInitShape<typeof BackupKeySchema>;

/** The most that the API takes as a key file (`BackupKey.file`); real ones have 59 to 158 bytes. */
const maxKeyFileBytes = 4096;

/** How many hex digits WhatsApp shows as the key of a backup. */
const keyDigits = 64;

/** Keeps a pasted book from filling the memory; the digits in any grouping fit many times. */
const maxTypedBytes = 1024;

/** A key that is asked for at most once, and only when somebody needs it. */
export class KeySource {
  readonly #keyFile: string | undefined;
  readonly #signal: AbortSignal;
  #key: Promise<BackupKey> | undefined;

  /** `keyFile` is the path of a key file, `-` for the standard input, or undefined to ask on the terminal. */
  constructor(keyFile: string | undefined, signal: AbortSignal) {
    this.#keyFile = keyFile;
    this.#signal = signal;
  }

  /** True when the key does not have to be typed. */
  get isGiven(): boolean {
    return this.#keyFile !== undefined || this.#key !== undefined;
  }

  /** Reads the key; the same again when called again. */
  read(): Promise<BackupKey> {
    return (this.#key ??= this.#obtain());
  }

  async #obtain(): Promise<BackupKey> {
    try {
      return await (this.#keyFile === undefined ? askForKey(this.#signal) : readKeyFile(this.#keyFile, this.#signal));
    } catch (error) {
      this.#signal.throwIfAborted();
      throw error;
    }
  }
}

async function readKeyFile(path: string, signal: AbortSignal): Promise<BackupKey> {
  const isStandardInput = path === '-';
  if (isStandardInput && process.stdin.isTTY) return askForKey(signal);
  const name = isStandardInput ? 'the standard input' : path;
  const bytes = await (isStandardInput ? readAtMost(addAbortSignal(signal, process.stdin)) : readStart(path));
  if (bytes.length === 0) throw new Failure(`${name} holds no key: it is empty`);
  if (bytes.length > maxKeyFileBytes) {
    throw new Failure(`${name} is no key file: it has more than ${String(maxKeyFileBytes)} bytes`);
  }
  return { form: { case: 'file', value: bytes } };
}

async function readStart(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(maxKeyFileBytes + 1));
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new Failure(describeFileProblem(path, error), { cause: error });
  }
}

async function readAtMost(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxKeyFileBytes) break;
  }
  return Buffer.concat(chunks);
}

/**
 * Asks for the 64 digits on the terminal, without an echo. They may be typed or pasted in any grouping, also over several
 * lines, as WhatsApp shows them: a line end before the 64th digit only asks for the rest.
 */
async function askForKey(signal: AbortSignal): Promise<BackupKey> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY || !stderr.isTTY) {
    throw new Failure(
      'no terminal to ask for the key on: give it with --key-file PATH, or --key-file - to read it here',
    );
  }
  // Before the question: what is typed ahead must not be shown either.
  stdin.setRawMode(true);
  try {
    stderr.write(`The ${String(keyDigits)}-digit key of the backup (not shown): `);
    const typed = await readTyped(stdin, signal, (digits) => {
      stderr.write(`\r\n${String(digits)} of ${String(keyDigits)} digits so far; go on: `);
    });
    return { form: { case: 'digits', value: typed } };
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\r\n');
  }
}

/** Reads keys until Enter after enough digits. Rejects on Ctrl-C, when the signal aborts, and at the end of input. */
function readTyped(stdin: NodeJS.ReadStream, signal: AbortSignal, tellMore: (digits: number) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed = '';
    let lineStart = 0;
    const settle = (act: () => void): void => {
      stdin.off('data', onData);
      stdin.off('end', onEnd);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const finish = (): void => {
      const digits = countDigits(typed);
      if (digits > 0) settle(() => resolve(typed));
      else settle(() => reject(new Failure('no key was given')));
    };
    const onEnd = (): void => settle(() => reject(new Failure('no key was given')));
    const onAbort = (): void => settle(() => reject(reasonOf(signal)));
    const onData = (data: Buffer): void => {
      for (const character of data.toString('utf8')) {
        if (character === '\u0003') return settle(() => reject(new Interrupted('SIGINT')));
        if (character === '\u0004') return finish();
        if (character === '\u0015') typed = typed.slice(0, lineStart);
        else if (character === '\u007f' || character === '\b')
          typed = typed.slice(0, Math.max(lineStart, typed.length - 1));
        else if (character === '\r' || character === '\n') {
          const isEmptyLine = typed.length === lineStart;
          const digits = countDigits(typed);
          // An empty line gives up: the daemon then says how many digits are missing.
          if (digits >= keyDigits || isEmptyLine) return finish();
          typed += ' ';
          lineStart = typed.length;
          tellMore(digits);
        } else if (typed.length < maxTypedBytes) typed += character;
      }
    };
    stdin.on('data', onData);
    stdin.on('end', onEnd);
    signal.addEventListener('abort', onAbort);
    stdin.resume();
  });
}

function countDigits(text: string): number {
  return text.replace(/[^0-9a-f]/gi, '').length;
}
