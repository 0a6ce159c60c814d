import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkoutRoot } from './support/source-module.js';

const root = checkoutRoot(fileURLToPath(import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');

describe('the README', () => {
  it('explains every setting that the daemon reads, and no other', () => {
    const read = findAll(readFileSync(join(root, 'src', 'config.ts'), 'utf8'), /'(SCROLLBACK_[A-Z_]+)'/g);
    expect(findAll(readme, /^\| `(SCROLLBACK_[A-Z_]+)`/gm)).toEqual(read);
  });

  it('names only scripts that package.json has', () => {
    // Safety: npm itself insists on this shape.
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    const named = [...findAll(readme, /npm run ([\w:]+)/g), ...findAll(readme, /npm (start|test)\b/g)];
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('links only to files and headings that exist', () => {
    const headings = findAll(readme, /^#+ (.+)$/gm).map((text) => `#${text.toLowerCase().replaceAll(' ', '-')}`);
    const broken = findAll(readme, /\]\((?!https?:)([^)]+)\)/g).filter((target) =>
      target.startsWith('#') ? !headings.includes(target) : !existsSync(join(root, target)),
    );
    expect(broken).toEqual([]);
  });

  it('names every method of the services', () => {
    const services = ['session', 'backfill', 'history'].map((name) =>
      join(root, `proto/scrollback/v1/${name}_service.proto`),
    );
    const methods = services.flatMap((path) => findAll(readFileSync(path, 'utf8'), /^ {2}rpc (\w+)/gm));
    expect(methods.length).toBeGreaterThan(10);
    expect(methods.filter((method) => !readme.includes(`\`${method}\``))).toEqual([]);
  });

  it('has nothing left to be filled in', () => {
    expect(findAll(readme, /<!-- lead:(.*?)-->/g)).toEqual([]);
  });
});

/** The first groups of all matches, each once, sorted. */
function findAll(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))].sort();
}
