import { randomBytes } from 'node:crypto';
import type { BinaryNode, WAPatchCreate } from '@whiskeysockets/baileys';
import { encodeSyncdPatch, newLTHashState, proto } from '@whiskeysockets/baileys';
import { childrenOf, find, node } from './nodes.js';

/**
 * What all devices of an account share beside messages: contacts, archived, muted and pinned chats. Each collection is a
 * list of patches, sealed with a key that the phone gives its devices.
 */
export class AppState {
  readonly #keyId = randomBytes(6);
  readonly #keyData: proto.Message.IAppStateSyncKeyData = {
    keyData: randomBytes(32),
    fingerprint: { rawId: 1, currentIndex: 1, deviceIndexes: [0, 1] },
    timestamp: Date.now(),
  };
  readonly #collections = new Map<string, { state: ReturnType<typeof newLTHashState>; patches: Uint8Array[] }>();

  /** The message with which the phone hands out the key. */
  get keyShare(): proto.IMessage {
    return {
      protocolMessage: {
        type: proto.Message.ProtocolMessage.Type.APP_STATE_SYNC_KEY_SHARE,
        appStateSyncKeyShare: { keys: [{ keyId: { keyId: this.#keyId }, keyData: this.#keyData }] },
      },
    };
  }

  /** Adds a change, as another device of the account makes it. Returns the collection that has changed. */
  async change(change: WAPatchCreate): Promise<BinaryNode> {
    const collection = this.#collections.get(change.type) ?? { state: newLTHashState(), patches: [] };
    const keyId = this.#keyId.toString('base64');
    const { patch, state } = await encodeSyncdPatch(change, keyId, collection.state, async () => this.#keyData);
    const version = { version: state.version };
    collection.patches.push(proto.SyncdPatch.encode({ ...patch, version }).finish());
    collection.state = state;
    this.#collections.set(change.type, collection);
    return node('collection', { name: change.type, version: String(state.version) });
  }

  /** Answers a query for collections with what has changed since the version that a device has. */
  answer(query: BinaryNode): BinaryNode {
    const collections = childrenOf(find(query, 'sync')).map(({ attrs: { name = '', version = '0' } }) => {
      const patches = this.#collections.get(name)?.patches.slice(Number(version)) ?? [];
      const content = [
        node(
          'patches',
          {},
          patches.map((patch) => node('patch', {}, patch)),
        ),
      ];
      return node('collection', { name, version, has_more_patches: 'false' }, patches.length === 0 ? [] : content);
    });
    return node('sync', {}, collections);
  }
}
