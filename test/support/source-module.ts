import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import ts from 'typescript';

/** A source file as far as its place in the architecture is concerned. */
export interface SourceModule {
  /** Relative to the top of the checkout: `src/session/mailbox.ts`. */
  path: string;
  lines: number;
  imports: Import[];
  /** Line numbers. */
  readsEnvironment: number[];
  anyTypes: number[];
  enums: number[];
  defaultExports: number[];
}

/** One import, re-export, dynamic import or import type. */
export interface Import {
  line: number;
  /** `src/domain/fault.ts` for a file of the project, `node:fs` for a builtin, `npm:level` for a package. */
  target: string;
  /** True when nothing of it is left in the compiled file. */
  typesOnly: boolean;
}

/** Returns the top of the checkout, from anywhere in the sources or in the compiled output. */
export function checkoutRoot(from: string): string {
  const directory = dirname(from);
  const names = readdirSync(directory);
  return names.includes('package.json') && names.includes('proto') ? directory : checkoutRoot(directory);
}

/** Lists the TypeScript files below some folders of the checkout, `/`-separated and relative to it. */
export function listSources(root: string, folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => posix.join(folder, name.replaceAll('\\', '/'))),
  );
}

/** Reads and parses one file of the checkout. */
export function readSourceModule(root: string, path: string): SourceModule {
  return parseSourceModule(path, readFileSync(join(root, path), 'utf8'));
}

/** Parses the text of a file that is, or would be, at `path`. */
export function parseSourceModule(path: string, text: string): SourceModule {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const module: SourceModule = {
    path,
    lines: text.replace(/\n$/, '').split('\n').length,
    imports: [],
    readsEnvironment: [],
    anyTypes: [],
    enums: [],
    defaultExports: [],
  };
  const lineOf = (node: ts.Node): number => file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;

  const visit = (node: ts.Node): void => {
    const imported = importOf(node);
    if (imported !== undefined) {
      const target = resolveTarget(path, imported.specifier);
      module.imports.push({ line: lineOf(node), target, typesOnly: imported.typesOnly });
    }
    if (isProcessEnv(node)) module.readsEnvironment.push(lineOf(node));
    if (node.kind === ts.SyntaxKind.AnyKeyword) module.anyTypes.push(lineOf(node));
    if (ts.isEnumDeclaration(node)) module.enums.push(lineOf(node));
    if (isDefaultExport(node)) module.defaultExports.push(lineOf(node));
    ts.forEachChild(node, visit);
  };
  visit(file);
  return module;
}

function importOf(node: ts.Node): { specifier: string; typesOnly: boolean } | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const typesOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
    return { specifier: node.moduleSpecifier.text, typesOnly };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
    return { specifier: node.moduleSpecifier.text, typesOnly: node.isTypeOnly };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
    return { specifier: node.argument.literal.text, typesOnly: true };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [specifier] = node.arguments;
    // A computed specifier cannot be judged: it counts as a package that nobody may import.
    return { specifier: specifier && ts.isStringLiteral(specifier) ? specifier.text : '(computed)', typesOnly: false };
  }
  return undefined;
}

function resolveTarget(importer: string, specifier: string): string {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(importer), specifier).replace(/\.js$/, '.ts');
  if (specifier.startsWith('node:')) return specifier;
  return `npm:${specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')}`;
}

function isProcessEnv(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node)) {
    if (node.name.text !== 'env' || node.expression.getText() !== 'process') return false;
    // Handing all of it to the one who reads it is not reading it.
    return !(ts.isCallExpression(node.parent) && node.parent.expression.getText() === 'readConfig');
  }
  // const { env } = process
  return (
    ts.isVariableDeclaration(node) && node.initializer?.getText() === 'process' && /\benv\b/.test(node.name.getText())
  );
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true;
  return (
    ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((m) => m.kind === ts.SyntaxKind.DefaultKeyword)
  );
}
