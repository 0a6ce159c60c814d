import type { Import, SourceModule } from './source-module.js';

/**
 * Who may import whom. A module is a folder (ends in `/`), a file or a package (`npm:`); the first row that fits a file is its row. What
 * stands in `types` may be imported by `import type` only. Every module may import itself, and `node:` builtins where
 * `builtins` does not forbid it.
 */
interface Row {
  module: string;
  may: string[];
  types?: string[];
  builtins?: false;
}

const generated = ['src/gen/', 'npm:@bufbuild/protobuf'];
const logger = ['src/log.ts', 'npm:pino'];
const aboutTasks = ['src/backup/task.ts', 'src/backup/pulse.ts', 'src/backup/refusal.ts'];

/** The table of the architecture. When an import is missing here, the code is in the wrong file, or this changes first. */
const table: Row[] = [
  { module: 'src/domain/', may: [], builtins: false },
  // The two halves of reading a backup share what stands at the top, and nothing else.
  { module: 'src/backup/container/', may: ['src/domain/', ...aboutTasks] },
  { module: 'src/backup/msgstore/', may: ['src/domain/', ...aboutTasks, 'npm:better-sqlite3'] },
  { module: 'src/backup/', may: ['src/domain/'] },
  {
    module: 'workers/',
    may: ['src/backup/', 'src/domain/', 'src/whatsapp/open-history.ts', 'src/whatsapp/read-history.ts', 'npm:piscina'],
    types: ['src/whatsapp/history-task.ts'],
  },
  // What crosses the thread is questions, answers and the slots of a shared buffer.
  {
    module: 'src/pool.ts',
    may: ['src/backup/task.ts', 'npm:piscina'],
    types: ['src/domain/', 'src/whatsapp/history-task.ts', ...logger],
  },
  {
    module: 'src/store/',
    may: ['src/domain/', 'src/gen/scrollback/', 'npm:@bufbuild/protobuf', 'npm:level'],
    types: logger,
  },
  {
    module: 'src/session/',
    may: [
      'src/domain/',
      'src/store/',
      'src/gen/scrollback/',
      'src/gen/google/rpc/',
      'npm:@bufbuild/protobuf',
      'src/backup/task.ts',
      'src/backup/container/probe.ts',
      'src/backup/container/header.ts',
      'src/backup/container/key.ts',
    ],
    types: ['src/pool.ts', ...logger],
  },
  // One implementation of a link: what is peculiar to the library stays here.
  // The one place that knows the library: what leaves it is plain data.
  {
    module: 'src/whatsapp/',
    may: ['src/domain/', ...aboutTasks, 'npm:@whiskeysockets/baileys', 'npm:libsignal'],
    types: ['src/session/link/link.ts', 'src/session/link/link-inbox.ts', 'src/session/link/link-media.ts', ...logger],
  },
  {
    module: 'src/rpc/',
    may: ['src/domain/', ...generated, 'npm:@grpc/grpc-js', 'npm:@grpc/reflection', 'npm:grpc-health-check'],
    types: ['src/session/sessions.ts', 'src/store/history-reader.ts', ...logger],
  },
  // Here the daemon begins; every other command is a client like any other.
  { module: 'src/cli/serve.ts', may: ['src/main.ts', 'src/cli/', ...generated, 'npm:commander'] },
  { module: 'src/cli/', may: [...generated, 'npm:@grpc/grpc-js', 'npm:commander', 'npm:cli-progress', 'npm:qr'] },
  { module: 'src/gen/', may: generated, builtins: false },
  { module: 'src/log.ts', may: ['npm:pino'] },
  { module: 'src/config.ts', may: ['src/domain/', 'npm:zod'] },
  // Stands in for WhatsApp: a server of its own, which shares nothing with the daemon that it tests.
  {
    module: 'test/support/whatsapp/',
    may: ['npm:@whiskeysockets/baileys', 'npm:libsignal', 'npm:pino', 'npm:undici', 'npm:ws'],
  },
  // Builds everything; clients are not part of it.
  { module: 'src/main.ts', may: ['src/', 'npm:'] },
  { module: 'src/explain-start.ts', may: ['src/domain/'] },
];

const FORBIDDEN_NAMES = ['utils', 'helpers', 'types', 'common', 'index'];
const LINES_MAX = 300;

/** Returns a sentence for every place where the modules break a rule of the architecture. */
export function findViolations(modules: SourceModule[]): string[] {
  return [...modules.flatMap(violationsOf), ...findCycles(modules)];
}

function violationsOf(module: SourceModule): string[] {
  const { path } = module;
  const violations: string[] = [];
  const at = (line: number, problem: string): void => void violations.push(`${path}:${String(line)}: ${problem}`);

  const row = table.find((candidate) => covers(candidate.module, path));
  if (row === undefined) return [`${path}: belongs to no module of the import table`];
  for (const imported of module.imports) {
    const problem = judge(row, path, imported);
    if (problem !== undefined) at(imported.line, problem);
  }

  if (path.startsWith('src/gen/')) return violations;
  if (module.lines > LINES_MAX)
    violations.push(`${path}: ${String(module.lines)} lines, more than ${String(LINES_MAX)}`);
  const name = path.slice(path.lastIndexOf('/') + 1, -'.ts'.length);
  if (FORBIDDEN_NAMES.includes(name)) violations.push(`${path}: the name says nothing of what is inside`);
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) violations.push(`${path}: the name is not in kebab case`);
  for (const line of module.anyTypes) at(line, 'any');
  for (const line of module.enums) at(line, 'an enum; say it with a union of strings');
  // Piscina calls the default export of a worker.
  if (!path.startsWith('workers/')) for (const line of module.defaultExports) at(line, 'a default export');
  if (path !== 'src/config.ts' && !path.startsWith('src/cli/') && !path.startsWith('test/')) {
    for (const line of module.readsEnvironment) at(line, 'reads process.env; that is for src/config.ts');
  }
  return violations;
}

function judge(row: Row, importer: string, { target, typesOnly }: Import): string | undefined {
  if (target.startsWith('node:')) {
    return row.builtins === false ? `${row.module} may not import ${target}` : undefined;
  }
  if (target === 'src/main.ts' && importer !== 'src/cli/serve.ts')
    return 'only src/cli/serve.ts may import src/main.ts';
  if (target.startsWith('src/cli/') && !importer.startsWith('src/cli/')) return `only src/cli/ may import ${target}`;
  if ([row.module, ...row.may].some((pattern) => covers(pattern, target))) return undefined;
  if (!(row.types ?? []).some((pattern) => covers(pattern, target))) return `${row.module} may not import ${target}`;
  return typesOnly ? undefined : `${row.module} may import only the types of ${target}`;
}

function covers(pattern: string, path: string): boolean {
  return /[/:]$/.test(pattern) ? path.startsWith(pattern) : path === pattern;
}

/** Finds each cycle once, types included: files that need each other's types are one concept in two files. */
function findCycles(modules: SourceModule[]): string[] {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push(`a cycle of imports: ${[...trail.slice(start), path].join(' → ')}`);
    if (start >= 0 || done.has(path)) return;
    for (const { target } of byPath.get(path)?.imports ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of byPath.keys()) visit(path, []);
  return cycles;
}
