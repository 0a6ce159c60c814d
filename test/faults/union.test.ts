import { it } from 'vitest';
import { expectSameHistories } from '../support/same-history.js';

const ACCOUNTS = Number(process.env.FAULT_ACCOUNTS ?? 400);

it(
  'hundreds of random accounts are the same in whatever order their facts come',
  async () => {
    await expectSameHistories(ACCOUNTS, 60_000 + ACCOUNTS * 1000);
  },
  120_000 + ACCOUNTS * 1000,
);
