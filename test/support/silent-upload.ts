import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { type CallError, fromServiceError } from '../../src/cli/call-error.js';
import { UploadBackupRequestSchema } from '../../src/gen/scrollback/v1/backfill_service_pb.js';

/** Uploads some chunks to a daemon and then says nothing more, without an end; returns the error that the call ends with. */
export function uploadThenSilence(
  address: string,
  requests: MessageInitShape<typeof UploadBackupRequestSchema>[],
): Promise<CallError> {
  const client = new Client(address, credentials.createInsecure());
  return new Promise<CallError>((resolve, reject) => {
    const call = client.makeClientStreamRequest<Buffer, Buffer>(
      '/scrollback.v1.BackfillService/UploadBackup',
      (bytes) => bytes,
      (bytes) => bytes,
      (error) => {
        if (error === null) reject(new Error('the upload was answered'));
        else resolve(fromServiceError(error));
      },
    );
    for (const request of requests) {
      call.write(Buffer.from(toBinary(UploadBackupRequestSchema, create(UploadBackupRequestSchema, request))));
    }
  }).finally(() => client.close());
}
