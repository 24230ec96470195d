// What the tidy tests look at: the repository's own text files, and a source text without its comments and strings.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../repository.js';

export interface SourceFile {
  /** Relative to the repository, '/'-separated. */
  readonly path: string;
  readonly text: string;
}

/** Files below a folder that end in one of the given ways; build output left out. */
export function filesIn(folder: string, ...endings: readonly string[]): readonly SourceFile[] {
  const root = join(repositoryRoot, folder);
  if (!existsSync(root)) return [];
  return (readdirSync(root, { recursive: true }) as string[])
    .filter((name) => endings.some((ending) => name.endsWith(ending)) && !/(^|\/)(build|dist|node_modules)\//.test(name))
    .sort()
    .map((name) => ({ path: `${folder}/${name}`, text: readFileSync(join(repositoryRoot, folder, name), 'utf8') }));
}

/** Every text file that git tracks, or would: what ends up in a clone. */
export function trackedFiles(): readonly SourceFile[] {
  const listing = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: repositoryRoot, encoding: 'utf8' });
  return listing
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(repositoryRoot, path)))
    .map((path) => ({ path, text: readFileSync(join(repositoryRoot, path), 'utf8') }))
    .filter((file) => !file.text.includes('\0'));
}

/** Number of lines as wc -l counts them. */
export function lineCount(text: string): number {
  return text.split('\n').length - 1;
}

/** The code alone: comments, string contents and regular expressions become spaces, lines stay lines. Template literals keep their ${...}. */
export function codeOf(text: string): string {
  const pattern =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|(?<=[=(,:!&|?{};\n]\s*|return )\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[dgimsuy]*|`(?:\\[\s\S]|[^`\\])*`/g;
  return text.replace(pattern, (part) => {
    if (part.startsWith('`')) return (part.match(/\$\{[^}]*\}/g) ?? []).join(' ') + '\n'.repeat(lineCount(part));
    return part.replace(/[^\n]/g, ' ');
  });
}

/** Module names in import and export ... from statements, and in import(). */
export function importsOf(text: string): readonly string[] {
  const withoutComments = text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '');
  const pattern = /^(?:import|export)\b[^;'=]*\bfrom\s+'([^']+)'|^import\s+'([^']+)'|\bimport\(\s*'([^']+)'/gm;
  return [...withoutComments.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}
