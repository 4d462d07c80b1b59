import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform, type JscConfig } from '@swc/core';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** All that a program which tests start can be made of; SQL is read from beside its module. */
const SOURCE_FOLDERS = [
  'domain',
  'workflows',
  'activities',
  'db',
  'api',
  'workers',
  'partners',
  'test/support',
];

/** Its types do not know the last one. */
const jsc: JscConfig & { rewriteRelativeImportExtensions: boolean } = {
  target: 'es2023',
  parser: { syntax: 'typescript' },
  // As in tsconfig.json: every import that is not of a type stays.
  transform: { verbatimModuleSyntax: true },
  rewriteRelativeImportExtensions: true,
};

/**
 * Our programs as JavaScript for plain `node` in `folder`, types taken off and not checked. A test that starts one pays
 * for its start alone, not each time for a loader that compiles hundreds of modules.
 */
export async function compilePrograms(folder: string): Promise<void> {
  for (const room of SOURCE_FOLDERS) {
    const files = await readdir(join(root, room), { recursive: true, withFileTypes: true });
    const paths = files.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name));
    await Promise.all(paths.map((source) => compile(source, join(folder, source.slice(root.length)))));
  }
  await cp(join(root, 'package.json'), join(folder, 'package.json'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
}

async function compile(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  if (!source.endsWith('.ts')) return cp(source, target);
  const { code } = await transform(await readFile(source, 'utf8'), {
    configFile: false,
    swcrc: false,
    filename: source,
    module: { type: 'es6' },
    jsc,
  });
  await writeFile(target.replace(/\.ts$/, '.js'), code);
}
