import { describe, expect, it } from 'vitest';
import { stoppedText } from '../../src/rpc/link-text.js';

describe('what a person is told of a link that is refused', () => {
  it('is to look at the network when somebody else than WhatsApp answers, and only then', () => {
    expect(stoppedText('refused', 400)).toContain('SCROLLBACK_WHATSAPP_URL');
    for (const code of [406, 409, 411, 418]) {
      expect(stoppedText('refused', code)).toContain('WhatsApp refuses the connection');
      expect(stoppedText('refused', code)).not.toContain('network');
    }
  });
});
