import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A document of ours. `prose` is its text without fenced blocks. */
export interface Document {
  readonly path: string;
  readonly text: string;
  readonly prose: string;
}

function read(path: string): Document {
  const text = readFileSync(join(root, path), 'utf8');
  return { path, text, prose: text.replaceAll(/^```[^]*?^```$/gm, '') };
}

/** All documents at the root and under docs/. */
export function readDocuments(): Document[] {
  const atRoot = readdirSync(root).filter((name) => name.endsWith('.md'));
  const inDocs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name));
  return [...atRoot, ...inDocs].map(read);
}

/** Text of all programs: what documents speak about. Tests are none of it. */
export function readSources(): string {
  const rooms = [
    'domain',
    'workflows',
    'activities',
    'db',
    'api',
    'workers',
    'partners',
    'dev',
    'bench',
    'docker',
  ];
  const files = rooms.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  return [...files, join(root, 'docker-compose.yml')].map((file) => readFileSync(file, 'utf8')).join('\n');
}

/** Contents of the fenced blocks of one language. */
export function blocks(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)]
    .filter(([, given]) => given === language)
    .map(([, , content]) => content ?? '');
}

export interface Link {
  /** Where it leads, relative to the root. */
  readonly file: string;
  readonly anchor: string | undefined;
}

/** Links of a document to files of this repository. */
export function relativeLinks({ path, prose }: Document): Link[] {
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target ?? '')
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = '', anchor] = target.split('#');
      const absolute = file === '' ? join(root, path) : resolve(join(root, dirname(path)), file);
      return { file: relative(root, absolute), anchor };
    });
}

/** Anchors that a Markdown viewer gives the headings of a text. */
export function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    (title ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** What stands in backticks. */
export function codeSpans(prose: string): string[] {
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span ?? '');
}

export const unique = (items: readonly string[]): string[] => [...new Set(items)];
