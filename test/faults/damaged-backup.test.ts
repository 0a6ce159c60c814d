import { describeDamage } from '../support/damaged-file.js';

describeDamage(8);
