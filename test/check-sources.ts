import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import ts from 'typescript';

/**
 * `npm run typecheck` and `npm run lint` on one program: making it and finding its types takes most of the time of both. Prints one
 * line of JSON, {@link SourceFaults}.
 */
const root = fileURLToPath(new URL('..', import.meta.url));

/** What the compiler and the linter object to, as they print it; empty texts where nothing is wrong. */
export interface SourceFaults {
  readonly types: string;
  readonly lint: string;
}

const host: ts.FormatDiagnosticsHost = {
  getCurrentDirectory: () => root,
  getCanonicalFileName: (name) => name,
  getNewLine: () => '\n',
};

function createProgram(): ts.Program {
  const config = ts.getParsedCommandLineOfConfigFile(
    'tsconfig.json',
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic(fault) {
        throw new Error(ts.formatDiagnostic(fault, host));
      },
    },
  );
  if (config === undefined) throw new Error('There is no tsconfig.json.');
  return ts.createProgram({
    rootNames: config.fileNames,
    options: config.options,
    configFileParsingDiagnostics: config.errors,
  });
}

async function lint(program: ts.Program): Promise<string> {
  const eslint = new ESLint({
    cwd: root,
    overrideConfig: {
      files: ['**/*.{ts,mts,cts,tsx}'],
      languageOptions: { parserOptions: { programs: [program], projectService: false } },
    },
  });
  const results = await eslint.lintFiles(['.']);
  return (await eslint.loadFormatter('stylish')).format(results);
}

process.chdir(root);
const program = createProgram();
const faults: SourceFaults = {
  types: ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host),
  lint: await lint(program),
};
console.log(JSON.stringify(faults));
