import type { DescService } from '@bufbuild/protobuf';
import type {
  handleServerStreamingCall,
  Server,
  ServiceDefinition,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';

/** The standard health service: tells of each service, and of the server as `''`, whether it serves. */
export class Health {
  readonly #names: string[];
  readonly #implementation: HealthImplementation;
  readonly #watches = new Set<{ end(): void }>();

  constructor(services: readonly DescService[]) {
    this.#names = ['', ...services.map((service) => service.typeName)];
    this.#implementation = new HealthImplementation(
      Object.fromEntries(this.#names.map((name) => [name, 'SERVING' as const])),
    );
  }

  /** Adds the service to a server. */
  addToServer(server: Pick<Server, 'addService'>): void {
    this.#implementation.addToServer({
      addService: (definition: ServiceDefinition, handlers: UntypedServiceImplementation) =>
        server.addService(definition, { ...handlers, watch: this.#tracked(handlers['watch']) }),
    });
  }

  /** Says NOT_SERVING to everybody who watches, then ends their calls: they would keep the server from closing. */
  drain(): void {
    for (const name of this.#names) this.#implementation.setStatus(name, 'NOT_SERVING');
    for (const watch of this.#watches) watch.end();
    this.#watches.clear();
  }

  #tracked(watch: UntypedHandleCall | undefined): handleServerStreamingCall<unknown, unknown> {
    // Safety: `watch` of the health service is a server stream, by its published contract.
    const handle = watch as handleServerStreamingCall<unknown, unknown>;
    return (call) => {
      this.#watches.add(call);
      call.once('cancelled', () => this.#watches.delete(call));
      handle(call);
    };
  }
}
