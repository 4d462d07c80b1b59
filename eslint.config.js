import tseslint from 'typescript-eslint';
import js from '@eslint/js';

/**
 * Who may import whom (docs/architecture.md). One row a room: the rooms it may reach.
 * `workflows:contract` opens only the `contract.ts` files of workflows; `activities:type` allows types alone.
 */
const rooms = {
  domain: [],
  workflows: ['domain', 'activities:type'],
  activities: ['domain', 'db', 'workflows:contract'],
  db: ['domain'],
  api: ['domain', 'db', 'workflows:contract'],
  workers: ['domain', 'db', 'workflows', 'activities', 'api'],
  partners: [],
  web: ['domain'],
  dev: ['domain', 'db', 'workflows', 'activities', 'api', 'workers', 'partners'],
  bench: ['domain', 'db', 'workflows', 'activities', 'api', 'workers', 'dev'],
};

/** Packages that belong to some rooms only. */
const packages = {
  '@temporalio/worker': ['workers', 'partners', 'dev', 'bench'],
  '@temporalio/testing': ['dev', 'bench'],
  '@temporalio/client': ['api', 'activities', 'workers', 'partners', 'dev', 'bench'],
  '@temporalio/activity': ['activities'],
  'playwright-core': ['dev'],
  express: ['api', 'partners', 'dev', 'bench'],
  pg: ['db', 'partners', 'dev', 'bench'],
  zod: ['api', 'partners'],
};

const nodeBuiltin =
  '^(node:|(assert|buffer|child_process|crypto|dns|events|fs|http|https|net|os|path|process|stream|timers|tls|url|util|worker_threads|zlib)(/|$))';

/** A path that leaves its folder for `room`, however it is written: `../db/x.ts`, `./../db/x.ts`, `./a/../../db/x.ts`. */
const into = (room) => `^(?=\\.)(.*/)?\\.\\./+(\\./+)*${room}/`;

function importRules(room) {
  const allowed = rooms[room];
  const patterns = [];
  for (const other of Object.keys(rooms)) {
    if (other === room || allowed.includes(other)) continue;
    const message = `${room} may not import ${other}: see docs/architecture.md.`;
    if (allowed.includes(`${other}:contract`)) {
      patterns.push({
        regex: `${into(other)}(?!([\\w-]+/)*(contract|search-attributes|task-queue)\\.ts$)`,
        message: `${room} may import only contracts of ${other}.`,
      });
    } else if (allowed.includes(`${other}:type`)) {
      patterns.push({ regex: into(other), message, allowTypeImports: true });
    } else {
      patterns.push({ regex: into(other), message });
    }
  }
  patterns.push({ regex: into('test'), message: 'Nothing imports tests.' });
  patterns.push({ regex: '^(/|file:|data:)', message: 'Import by package name or relative path.' });
  for (const [name, users] of Object.entries(packages)) {
    if (!users.includes(room))
      patterns.push({ regex: `^${name}(/|$)`, message: `${name} is not for ${room}.` });
  }
  if (room === 'domain') {
    patterns.push({
      regex: '^[^.]',
      message: 'domain has no dependency: it runs in Node, in workflows and in browsers.',
    });
  }
  if (room === 'workflows') {
    patterns.push({ regex: nodeBuiltin, message: 'No Node built-ins in workflow code.' });
    patterns.push({
      regex: '^(?!\\.|@temporalio/(workflow|common)$)',
      message: 'workflows import domain and @temporalio/{workflow,common} only.',
    });
  }
  return { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] };
}

/** The rules above see static imports alone, so a room that has a row to keep imports statically. */
const noDynamicImport = {
  selector: 'ImportExpression',
  message: 'Import statically: a dynamic import goes round the rule on who may import whom.',
};

/** What the time is and what chance says come into domain as arguments. */
const impure = {
  properties: [
    ['Date', 'now'],
    ['Math', 'random'],
    ['crypto', 'randomUUID'],
    ['crypto', 'getRandomValues'],
  ].map(([object, property]) => ({ object, property, message: 'domain is pure: take it as an argument.' })),
  syntax: ["NewExpression[callee.name='Date'][arguments.length=0]", "CallExpression[callee.name='Date']"].map(
    (selector) => ({ selector, message: 'domain has no clock: take the time as an argument.' }),
  ),
  globals: [
    'process',
    'require',
    'fetch',
    'performance',
    'Buffer',
    'globalThis',
    'setTimeout',
    'setInterval',
    'setImmediate',
  ],
};

function purityRules(room) {
  if (room === 'dev' || room === 'bench') return {};
  if (room === 'domain') {
    return {
      'no-restricted-syntax': ['error', noDynamicImport, ...impure.syntax],
      'no-restricted-properties': ['error', ...impure.properties],
      'no-restricted-globals': ['error', ...impure.globals],
    };
  }
  const rules = { 'no-restricted-syntax': ['error', noDynamicImport] };
  // The sandbox of workflows has a clock, timers and chance of its own, all replayed.
  return room === 'workflows'
    ? { ...rules, 'no-restricted-globals': ['error', 'process', 'setInterval', 'fetch', 'require'] }
    : rules;
}

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.kessai/', 'coverage/'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,mts,cts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'prefer-const': ['error', { ignoreReadBeforeAssign: true }],
      'no-console': 'error',
    },
  },
  ...Object.keys(rooms).map((room) => ({
    files: [`${room}/**/*.{ts,mts,cts,tsx,js,mjs,cjs}`],
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: { ...importRules(room), ...purityRules(room) },
  })),
  // A test says what type an answer's body has.
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-unnecessary-type-parameters': 'off' } },
  // Programs that talk to a person at a terminal.
  { files: ['dev/**/*.ts', 'bench/**/*.ts', 'test/*.ts', '**/*-main.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } },
  },
);
