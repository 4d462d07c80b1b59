import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import ts from 'typescript';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A source file without its types, in the given module system; imports stay as written. */
export function withoutTypes(file: string, module: ts.ModuleKind): string {
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
    fileName: file,
    compilerOptions: {
      module,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: module !== ts.ModuleKind.CommonJS,
    },
  });
  return outputText;
}

/** A file and all that it imports, however far; paths from the repository's root. Throws at what is no file of ours. */
export function modulesOf(entry: string): string[] {
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    if (!existsSync(file)) throw new Error(`${relative(root, file)} is imported and not there`);
    found.add(file);
    for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles) {
      if (!fileName.startsWith('.')) throw new Error(`${relative(root, file)} imports ${fileName}`);
      visit(resolve(dirname(file), fileName));
    }
  };
  visit(join(root, entry));
  return [...found].map((file) => relative(root, file));
}

/** Runs a file and what it imports with nothing but these globals beside the language's own. */
export function runWithGlobals<Exports>(entry: string, globals: Record<string, unknown>): Exports {
  const context = createContext(globals, { codeGeneration: { strings: false, wasm: false } });
  const loaded = new Map<string, Record<string, unknown>>();
  const load = (file: string): Record<string, unknown> => {
    const known = loaded.get(file);
    if (known !== undefined) return known;
    const exports: Record<string, unknown> = {};
    loaded.set(file, exports);
    const code = `(function (exports, require) {${withoutTypes(file, ts.ModuleKind.CommonJS)}\n})`;
    const run = runInContext(code, context, { filename: file }) as (
      exports: object,
      require: (name: string) => unknown,
    ) => void;
    run(exports, (name) => load(resolve(dirname(file), name)));
    return exports;
  };
  modulesOf(entry);
  return load(join(root, entry)) as Exports;
}
