import type { DescFile, DescService } from '@bufbuild/protobuf';
import { toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { Server } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { file_google_rpc_error_details } from '../gen/google/rpc/error_details_pb.js';

/**
 * Adds server reflection (v1 and v1alpha) for `services`, so that buf curl and grpcurl need nothing but an address. The
 * error details are in it too, although no method names them: else clients would show them as bytes.
 */
export function addReflection(server: Pick<Server, 'addService'>, services: readonly DescService[]): void {
  const files = new Map<string, Buffer>();
  for (const service of services) collect(service.file, files);
  collect(file_google_rpc_error_details, files);
  // The form in which proto-loader would describe the files; the library looks at nothing else.
  const definition: ConstructorParameters<typeof ReflectionService>[0] = {
    scrollback: {
      format: 'Protocol Buffer 3 DescriptorProto',
      type: {},
      fileDescriptorProtos: [...files.values()],
    },
  };
  const names = services.map((service) => service.typeName);
  new ReflectionService(definition, { services: names }).addToServer(server);
}

function collect(file: DescFile, files: Map<string, Buffer>): void {
  if (files.has(file.name)) return;
  files.set(file.name, Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)));
  for (const dependency of file.dependencies) collect(dependency, files);
}
