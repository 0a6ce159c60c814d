import { it } from 'vitest';
import { expectSameHistories } from '../support/same-history.js';

it('a history is the same in whatever order backups, the link and its mappings come', async () => {
  await expectSameHistories(25);
});
