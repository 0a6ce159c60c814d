import decodeQR from 'qr/decode.js';

/** Reads the QR code that a terminal without colours shows, drawn with half blocks, light on dark. Throws when there is none. */
export function readQr(text: string): string {
  const lines = text.split('\n').filter((line) => /^[█▀▄ ]{40,}$/.test(line));
  const width = lines[0]?.length ?? 0;
  const rows = lines.flatMap((line) => [
    [...line].map((block) => block === '█' || block === '▀'),
    [...line].map((block) => block === '█' || block === '▄'),
  ]);
  // A camera sees several pixels of each square, and something white around the code.
  const scale = 4;
  const margin = 4;
  const size = { width: (width + 2 * margin) * scale, height: (rows.length + 2 * margin) * scale };
  const data = new Uint8Array(size.width * size.height * 3).fill(255);
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) {
      const light = rows[Math.floor(y / scale) - margin]?.[Math.floor(x / scale) - margin] ?? true;
      data.fill(light ? 255 : 0, (y * size.width + x) * 3, (y * size.width + x) * 3 + 3);
    }
  }
  return decodeQR({ ...size, data });
}
