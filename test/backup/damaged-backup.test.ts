import { describeDamage } from '../support/damaged-file.js';

// test/faults/damaged-backup.test.ts changes every bit.
describeDamage(1);
