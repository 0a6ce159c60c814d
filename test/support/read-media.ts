import type { MessageInitShape } from '@bufbuild/protobuf';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { required } from '../../src/cli/call-error.js';
import type { Connection } from '../../src/cli/client.js';
import type { MediaFile, ReadMediaRequestSchema } from '../../src/gen/scrollback/v1/history_service_pb.js';

/** A file as ReadMedia streams it. */
export interface ReadFile {
  file: MediaFile;
  bytes: Buffer;
  /** The sizes of the frames with data. */
  frames: number[];
}

/** Reads the file of a message, or a part of it; throws when a frame is not as the API says. */
export async function readMedia(
  client: Pick<Connection, 'history'>,
  request: MessageInitShape<typeof ReadMediaRequestSchema>,
): Promise<ReadFile> {
  let file: MediaFile | undefined;
  const chunks: Uint8Array[] = [];
  for await (const frame of client.history.readMedia(request)) {
    if ((file === undefined) !== (frame.file !== undefined)) throw new Error('only the first frame tells of the file');
    if ((frame.file === undefined) !== frame.data.length > 0) throw new Error('a frame has data or tells of the file');
    file ??= frame.file;
    if (frame.data.length > 0) chunks.push(frame.data);
  }
  return { file: required(file), bytes: Buffer.concat(chunks), frames: chunks.map(({ length }) => length) };
}

/** The names of all files of messages below a data directory, unfinished ones included. */
export async function storedMedia(dataDirectory: string): Promise<string[]> {
  const sessions = join(dataDirectory, 'sessions');
  const names: string[] = [];
  for (const session of await readdir(sessions)) {
    names.push(...(await readdir(join(sessions, session, 'media')).catch(() => [])));
  }
  return names.filter((name) => name !== 'cursor').sort();
}
