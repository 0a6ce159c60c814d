import { connect } from 'node:net';
import { Agent } from 'undici';

/**
 * Leads every connection of `fetch` to a port of loopback in plain text, whatever the URL says, so that downloads from
 * https://mmg.whatsapp.net need neither a certificate nor a change in the client.
 */
export function createLoopbackDispatcher(port: number): Agent {
  return new Agent({
    connect: (_options, callback) => {
      const socket = connect(port, '127.0.0.1');
      const fail = (error: Error): void => callback(error, null);
      socket.once('error', fail);
      socket.once('connect', () => {
        // From here on the errors are the dispatcher's.
        socket.off('error', fail);
        callback(null, socket);
      });
    },
  });
}
