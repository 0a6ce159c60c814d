import type { LinkStore } from '../../store/link-store.js';
import type { LinkStorage } from './link.js';
import type { Session } from '../session.js';

/** Opens the session's database for each call: an idle link keeps none open. */
export function storageOf(session: Session): LinkStorage & Pick<LinkStore, 'clear'> {
  return {
    getCredentials: () => session.use(({ link }) => link.getCredentials()),
    getKeys: (names) => session.use(({ link }) => link.getKeys(names)),
    write: (change) => session.use(({ link }) => link.write(change)),
    clear: () => session.use(({ link }) => link.clear()),
  };
}
