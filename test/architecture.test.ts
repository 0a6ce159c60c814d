import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findViolations } from './support/architecture.js';
import { checkoutRoot, listSources, parseSourceModule, readSourceModule } from './support/source-module.js';

const root = checkoutRoot(fileURLToPath(import.meta.url));

describe('the sources', () => {
  it('keep the import table, the limits of a file and the rules of names', () => {
    const modules = listSources(root, ['src', 'workers']).map((path) => readSourceModule(root, path));
    expect(modules.length).toBeGreaterThan(20);
    expect(findViolations(modules)).toEqual([]);
  });

  it('keep the loopback WhatsApp apart from the daemon that it tests', () => {
    const modules = listSources(root, ['test/support/whatsapp']).map((path) => readSourceModule(root, path));
    expect(modules.length).toBeGreaterThan(10);
    expect(findViolations(modules)).toEqual([]);
  });

  it('have no file in test/ whose name says nothing', () => {
    const names = listSources(root, ['test']).map((path) => path.slice(path.lastIndexOf('/') + 1));
    expect(names.filter((name) => /^(utils|helpers|types|common|index)\.ts$/.test(name))).toEqual([]);
  });

  it('lie in a top level without surprises', () => {
    const expected =
      /^(\..*|package\.json|package-lock\.json|tsconfig\.json|proto|src|workers|test|buf\.yaml|systemd)$/;
    const own = /^(README\.md|LICENSE|CHANGELOG\.md|node_modules|dist.*|data)$/;
    expect(readdirSync(root).filter((name) => !expected.test(name) && !own.test(name))).toEqual([]);
  });
});

describe('the map in src/README.md', () => {
  const readMap = (): string => readFileSync(join(root, 'src', 'README.md'), 'utf8');

  it('names files and folders', () => {
    expect(findPaths(readMap()).length).toBeGreaterThan(10);
  });

  it('names only files and folders that exist', () => {
    expect(findPaths(readMap()).filter((name) => !exists(name))).toEqual([]);
  });

  it('names every folder of src/', () => {
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const map = readMap();
    expect(folders.map((folder) => folder.name).filter((name) => !map.includes(`${name}/`))).toEqual([]);
  });
});

describe('the checker', () => {
  const check = (path: string, text: string): string[] => findViolations([parseSourceModule(path, text)]);

  it('accepts what the table allows', () => {
    const text = "import type { Sessions } from '../session/sessions.js';\nimport { Server } from '@grpc/grpc-js';\n";
    expect(check('src/rpc/server.ts', text)).toEqual([]);
  });

  it.each([
    ['a module that is not in the row', 'src/domain/jid.ts', "import { open } from '../store/database.js';"],
    ['a package that is not in the row', 'src/session/backup/upload.ts', "import { Level } from 'level';"],
    ['a value where only types are allowed', 'src/rpc/server.ts', "import { a } from '../session/sessions.js';"],
    ['inline types, which leave an import behind', 'src/rpc/a.ts', "import { type A } from '../session/sessions.js';"],
    ['a re-export', 'src/backup/task.ts', "export * from '../store/database.js';"],
    ['a dynamic import', 'src/cli/import.ts', "const main = await import('../main.js');"],
    ['a computed import', 'src/store/database.ts', 'const it = await import(name);'],
    ['an import type', 'src/domain/fault.ts', "type A = import('../rpc/status.js').A;"],
    ['a builtin in the domain', 'src/domain/jid.ts', "import { readFileSync } from 'node:fs';"],
    ['main, for others than serve', 'src/rpc/server.ts', "import { runDaemon } from '../main.js';"],
    ['a client, from the daemon', 'src/main.ts', "import { connect } from './cli/client.js';"],
    ['process.env', 'src/session/backup/upload.ts', 'const home = process.env.HOME;'],
    ['process.env in brackets', 'src/session/backup/upload.ts', "const home = process.env['HOME'];"],
    ['process.env taken apart', 'src/store/database.ts', 'const { env } = process;'],
    ['any', 'src/store/database.ts', 'const value: any = 1;'],
    ['an enum', 'src/store/database.ts', 'enum Color { Red }'],
    ['a default export', 'src/store/database.ts', 'export default function open(): void {}'],
    ['the daemon, in what stands in for WhatsApp', 'test/support/whatsapp/a.ts', "import '../../../src/main.js';"],
    ['more than 300 lines', 'src/store/database.ts', '// line\n'.repeat(301)],
    ['a name that says nothing', 'src/store/utils.ts', ''],
    ['a name that is not in kebab case', 'src/store/historyStore.ts', ''],
    ['a file in no module', 'src/other.ts', ''],
  ])('finds %s', (_, path, text) => {
    expect(check(path, text)).toHaveLength(1);
  });

  it('accepts a default export and a value of backup in a worker', () => {
    const text = "import { decrypt } from '../src/backup/container/decrypt.js';\nexport default decrypt;\n";
    expect(check('workers/decrypt.ts', text)).toEqual([]);
  });

  it('finds a cycle, also one of types, and names it once', () => {
    const modules = [
      parseSourceModule('src/store/a.ts', "import { b } from './b.js';"),
      parseSourceModule('src/store/b.ts', "import type { C } from './c.js';"),
      parseSourceModule('src/store/c.ts', "import { a } from './a.js';"),
    ];
    expect(findViolations(modules)).toEqual([
      'a cycle of imports: src/store/a.ts → src/store/b.ts → src/store/c.ts → src/store/a.ts',
    ]);
  });

  it('finds the paths of a text', () => {
    expect(findPaths('`rpc/stream` and `src/main.ts`, `npm test`, `@grpc/grpc-js`, `a` → `workers/`')).toEqual([
      'rpc/stream',
      'src/main.ts',
      'workers/',
    ]);
  });
});

/** What stands between backticks and looks like a path: words joined by slashes, or the name of a source file. */
function findPaths(markdown: string): string[] {
  const inBackticks = [...markdown.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '');
  return inBackticks.filter((text) => /^[\w.-]+(\/[\w.-]+)*\/?$/.test(text) && /\/|\.(ts|proto)$/.test(text));
}

/** The map may leave out `src/` and the extension of a file. */
function exists(name: string): boolean {
  const endings = ['', '.ts', '.proto'];
  return ['', 'src'].some((folder) => endings.some((ending) => existsSync(join(root, folder, name + ending))));
}
