import type { Command } from 'commander';
import { once } from 'node:events';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { MediaFile } from '../gen/scrollback/v1/history_service_pb.js';
import { MediaFileSchema } from '../gen/scrollback/v1/history_service_pb.js';
import { CallError, required } from './call-error.js';
import { Failure, UsageError } from './failure.js';
import { pauseBefore } from './retry.js';
import type { ClientOptions, Run } from './run.js';
import { runClient, withClientOptions } from './run.js';
import { visible } from './terminal-text.js';

interface MediaOptions extends ClientOptions {
  session: string;
  chat?: string;
  messageId: string;
  sender?: string;
  out?: string;
}

/** Adds `scrollback media`. */
export function addMedia(program: Command): void {
  withClientOptions(
    program
      .command('media')
      .summary('save the file of a message')
      .description(
        'Saves the file of a message: a picture, a video, a voice note, a document. What the daemon does not have it ' +
          'fetches from WhatsApp, which takes a link. The file appears complete. With --json prints its MediaFile.',
      )
      .requiredOption('--session <id>', 'the session')
      .requiredOption('--message-id <id>', 'the message')
      .option('--chat <chat>', 'its chat: a phone number, a group or any other address')
      .option('--sender <address>', 'who sent it, where that is not clear')
      .option('--out <file>', 'where to save it; - for standard output')
      .addHelpText(
        'after',
        `
Examples:
  $ scrollback media --session alice --message-id 3EB0C431C26A1916E07E --out picture.jpg
  $ scrollback media --session alice --chat '+49 170 1234567' --message-id 3EB0C431C26A1916E07E --out - | file -`,
      ),
  ).action((options: MediaOptions) => runClient(options, (run) => saveMedia(run, options)));
}

async function saveMedia(run: Run, { session: sessionId, chat, messageId, sender, out, json }: MediaOptions) {
  // The name that its sender gave it is no place to write to.
  if (out === undefined) throw new UsageError('say with --out where to save the file, or --out - for standard output');
  const toStdout = out === '-';
  if (toStdout && json === true) throw new UsageError('--json and the file cannot both go to standard output');
  if (toStdout && process.stdout.isTTY) throw new UsageError('the file is not for a terminal: give a name with --out');
  const request = { sessionId, chat: chat ?? '', messageId, sender: sender ?? '' };
  if (toStdout) {
    await readWhole(run, request, writeToStdout);
    return;
  }
  const part = `${out}.part`;
  const target = await open(part, 'w').catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new Failure(`cannot write ${visible(part)}: ${code}`, { cause: error });
  });
  try {
    const file = await readWhole(run, request, (data) => writeAll(target, data));
    await target.sync();
    await target.close();
    await rename(part, out);
    if (run.output.json) await run.output.resources(MediaFileSchema, [file]);
    else await run.output.lines([`${visible(out)}: ${String(file.sizeBytes)} bytes, ${visible(file.mimeType)}`]);
  } catch (error) {
    await target.close().catch(() => undefined);
    await rm(part, { force: true });
    throw error;
  }
}

/** Reads a file, and goes on where it was when the daemon goes away in the middle. */
async function readWhole(
  { connection, output, signal }: Run,
  request: { sessionId: string; chat: string; messageId: string; sender: string },
  write: (data: Uint8Array) => Promise<void>,
): Promise<MediaFile> {
  let file: MediaFile | undefined;
  let offset = 0n;
  for (let attempts = 0; ;) {
    try {
      for await (const frame of connection.history.readMedia({ ...request, offset }, { signal })) {
        file ??= frame.file;
        if (frame.data.length === 0) continue;
        await write(frame.data);
        offset += BigInt(frame.data.length);
        attempts = 0;
      }
      return required(file);
    } catch (error) {
      const isWorthIt = error instanceof CallError && (error.isTransient || error.isSlowReader);
      if (!isWorthIt || file === undefined || attempts >= MAX_ATTEMPTS) throw error;
      if (attempts === 0) output.note('the daemon went away: waiting to go on');
    }
    attempts += 1;
    await pauseBefore(attempts, signal);
  }
}

async function writeAll(target: FileHandle, data: Uint8Array): Promise<void> {
  for (let done = 0; done < data.length;) done += (await target.write(data, done)).bytesWritten;
}

async function writeToStdout(data: Uint8Array): Promise<void> {
  if (!process.stdout.write(data)) await once(process.stdout, 'drain');
}

const MAX_ATTEMPTS = 10;
