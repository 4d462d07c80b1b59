import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allRoutes } from '../../api/app.ts';
import type { ApiDeps } from '../../api/deps.ts';
import { WAITING_DRIVERS } from '../../dev/browser/web-ui.ts';
import { RATE_LIMITS } from '../../api/http/rate-limit.ts';
import { WEBHOOK_RETRY } from '../../domain/webhook/retry.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.ts';
import {
  anchors,
  blocks,
  codeSpans,
  readDocuments,
  readSources,
  relativeLinks,
  root,
  unique,
} from './markdown.ts';

const documents = readDocuments();
const sources = readSources();
const ours = documents.map((it) => it.path);

function textOf(path: string): string {
  const found = documents.find((it) => it.path === path);
  if (found === undefined) throw new Error(`${path} is missing`);
  return found.text;
}

describe('README', () => {
  it('names the two commands at its beginning', () => {
    const beginning = textOf('README.md').split('\n').slice(0, 12).join('\n');
    expect(beginning).toMatch(/^npm start\b/m);
    expect(beginning).toMatch(/^npm test\b/m);
  });

  it('names the ports that npm start takes', () => {
    const start = readFileSync(join(root, 'dev/start.ts'), 'utf8');
    const taken = [...start.matchAll(/portFromEnvironment\('(\w+)', (\d+)\)/g)];
    expect(taken).toHaveLength(8);
    for (const [, variable, port] of taken) {
      expect(textOf('README.md')).toMatch(new RegExp(`\\| ${port ?? ''} +\\| \`${variable ?? ''}\``));
    }
  });
});

describe.each(ours)('%s', (path) => {
  const document = documents.find((it) => it.path === path) ?? { path, text: '', prose: '' };

  it('links to files and headings that are there', () => {
    const dead = relativeLinks(document).filter(({ file, anchor }) => {
      if (!existsSync(join(root, file))) return true;
      return anchor !== undefined && !anchors(readFileSync(join(root, file), 'utf8')).includes(anchor);
    });
    expect(dead).toEqual([]);
  });

  it('names commands that package.json has', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...document.text.matchAll(/npm run (?:-s )?([a-z][a-z:]*)/g)].map(
      ([, name]) => name ?? '',
    );
    expect(unique(named).filter((name) => !(name in scripts))).toEqual([]);
  });

  it('names files that are there', () => {
    const isPath = /^(domain|workflows|activities|db|api|workers|dev|bench|test|docs|docker)\/[\w./-]+$/;
    const named = codeSpans(document.prose).filter((span) => isPath.test(span));
    expect(unique(named).filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it('names API calls that the API has', () => {
    // Only names and schemas are read; no handler runs.
    const routes = allRoutes({} as ApiDeps).map((it) => `${it.method.toUpperCase()} ${it.path}`);
    const named = [...document.text.matchAll(/\b(GET|POST|PUT|DELETE) (\/v1\/[\w/{}-]*\w\}?)/g)].map(
      ([, method, call]) => `${method ?? ''} ${call ?? ''}`,
    );
    const partners = partnerPaths(/^docs\/partner-([\w-]+)\.md$/.exec(path)?.[1]);
    const isPartners = (call: string): boolean =>
      partners.includes(call.replace(/^\w+ /, '').replace(/\/[A-Z]+$/, ''));
    expect(unique(named).filter((call) => !routes.includes(call) && !isPartners(call))).toEqual([]);
  });
});

/** Paths that a reference partner serves, without what stands in the place of an id. */
function partnerPaths(partner: string | undefined): string[] {
  if (partner === undefined) return [];
  const text = ['shared', partner]
    .map((name) => join(root, 'partners', name))
    .flatMap((folder) => readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8')))
    .join('\n');
  return [...text.matchAll(/'(\/v1\/[\w-]+)(?:\/:\w+)?'/g)].map(([, found]) => found ?? '');
}

/** Stand for something in examples, or are the reader's own. */
const PLACEHOLDERS = [
  'BUILD_ID',
  'DEBT_ID',
  'EVENT_ID',
  'MERCHANT_ID',
  'MERCHANT_PAYMENT_ID',
  'MERCHANT_REFUND_ID',
  'MESSAGE_ID',
  'PAYMENT_ID',
  'PAYMENT_ID_STATUS',
  'WEBHOOK_SECRET',
];

describe.each([
  'README.md',
  'CHANGELOG.md',
  'docs/architecture.md',
  'docs/operators.md',
  'docs/refunds.md',
  'docs/webhooks.md',
])('names in %s', (path) => {
  it('are variables and codes of the programs', () => {
    const named = textOf(path).match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g) ?? [];
    const unknown = unique(named)
      .filter((name) => !PLACEHOLDERS.includes(name))
      .filter((name) => !new RegExp(`\\b${name}\\b`).test(sources));
    expect(unknown).toEqual([]);
  });

  it('that look like variables are read from the environment', () => {
    const named = textOf(path).match(/\b(?:KESSAI|TEMPORAL|WORKER|DATABASE|XDG|LOG)_[A-Z_]+\b/g) ?? [];
    const isRead = (name: string): boolean =>
      new RegExp(`env\\.${name}\\b|\\b${name}: (z\\.|given\\b|adminKey\\b)|'${name}'`).test(sources);
    // The Temporal SDK's own configuration reads these.
    const bySdk: string[] =
      readFileSync(join(root, 'docs/deploy.md'), 'utf8').match(/\bTEMPORAL_[A-Z_]+\b/g) ?? [];
    expect(unique(named).filter((name) => !isRead(name) && !bySdk.includes(name))).toEqual([]);
  });
});

describe('docs/operators.md', () => {
  const text = textOf('docs/operators.md');

  it('searches by attributes that exist', () => {
    const queries = codeSpans(text).filter((span) => /^\w+=("|true)/.test(span));
    expect(queries.length).toBeGreaterThan(5);
    const known: string[] = [
      ...SEARCH_ATTRIBUTES.map(([name]) => name),
      'ExecutionStatus',
      'WorkflowType',
      'WorkflowId',
    ];
    const used = queries.flatMap((query) => [...query.matchAll(/(\w+)=/g)].map(([, name]) => name ?? ''));
    expect(unique(used).filter((name) => !known.includes(name))).toEqual([]);
  });

  it('gives the rate limits of the API', () => {
    const said = text.slice(text.indexOf('## Rate limits'));
    const limit = (n: number): string => n.toLocaleString('en');
    expect(said).toContain(`admin ${limit(RATE_LIMITS.admin)}, merchant ${limit(RATE_LIMITS.merchant)}`);
    expect(said).toContain(`device ${limit(RATE_LIMITS.device)}, no key ${limit(RATE_LIMITS.public)}`);
    expect(said).toMatch(new RegExp(`issuer, parking and service\\s+${limit(RATE_LIMITS.issuer)}`));
  });
});

describe('docs/operator-guide.md', () => {
  const text = textOf('docs/operator-guide.md');

  it('links to Web UI with the query that it names, beside it', () => {
    const rows = [...text.matchAll(/^\|[^|]+\| `([^`]+)` +\| \[open\]\(([^)]+)\) +\|$/gm)];
    expect(rows).toHaveLength(5);
    for (const [, query, link] of rows) expect(new URL(link ?? '').searchParams.get('query')).toBe(query);
    expect(rows[0]?.[1]).toBe(WAITING_DRIVERS);
  });

  it('shows pictures that are small, and gives JSON', () => {
    const pictures = [...text.matchAll(/!\[[^\]]+\]\((images\/[\w-]+\.png)\)/g)].map(
      ([, file]) => file ?? '',
    );
    expect(pictures).toHaveLength(5);
    for (const file of pictures) expect(statSync(join(root, 'docs', file)).size).toBeLessThan(200_000);
    expect(blocks(text, 'json').map((it) => JSON.parse(it) as unknown)).toMatchObject([
      { outcome: 'RELEASED' },
    ]);
  });
});

describe('docs/webhooks.md', () => {
  it('gives the retry rule', () => {
    const { firstDelayMs, maxDelayMs, jitter, giveUpAfterMs } = WEBHOOK_RETRY;
    const text = textOf('docs/webhooks.md');
    expect(text).toContain(`after ${firstDelayMs / 1000} s, then ${(2 * firstDelayMs) / 1000} s`);
    expect(text).toContain(`every ${maxDelayMs / 3_600_000} h, each time ${jitter * 100} %`);
    expect(giveUpAfterMs).toBe(3 * 24 * 3_600_000);
    expect(text).toContain('for three days');
  });
});

describe('programs', () => {
  it('point at documents that are there', () => {
    const named = unique(sources.match(/\bdocs\/[\w/-]+\.md\b/g) ?? []);
    expect(named).toContain('docs/operators.md');
    expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it('point at decisions that are written', () => {
    const written = readdirSync(join(root, 'docs/adr')).map((name) => name.slice(0, 4));
    const named = [...sources.matchAll(/\bdocs\/adr\/(\d{4})/g)].map(([, number]) => number ?? '');
    expect(named).toContain('0003');
    expect(unique(named).filter((number) => !written.includes(number))).toEqual([]);
  });
});
