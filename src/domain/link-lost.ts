/** What was asked of a connection to WhatsApp cannot be answered any more, because the connection has ended: the next one may be asked again. */
export class LinkLost extends Error {
  override name = 'LinkLost';
}
