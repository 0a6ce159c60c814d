/** A chunk of history that can never be had: WhatsApp has dropped it, or it is not what it was announced as. */
export class HistoryGone extends Error {
  override name = 'HistoryGone';
}
