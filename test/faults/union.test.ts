import { it } from 'vitest';
import { expectSameHistories } from '../support/same-history.js';

it('hundreds of random accounts are the same in whatever order their facts come', async () => {
  await expectSameHistories(400);
});
