import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ISSUER_RETRY } from '../../domain/credit/credit.ts';
import { ISSUER_TIMEOUT_MS } from '../../activities/issuer.ts';
import { blocks, root } from '../docs/markdown.ts';
import { connectIssuer, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { startStack, type Stack } from '../support/stack.ts';

let stack: Stack;
let issuer: TestIssuer;
let folder: string;
let text: string;

beforeAll(async () => {
  stack = await startStack({ workers: 0 });
  issuer = await startIssuer(stack.databaseUrl);
  folder = await mkdtemp(join(tmpdir(), 'kessai-issuer-docs-'));
  text = await readFile(join(root, 'docs/partner-issuer.md'), 'utf8');
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await issuer.close();
  await stack.stop();
});

/** As a reader would paste it into a shell. */
async function paste(script: string): Promise<{ code: number | null; output: string }> {
  const shell = spawn('sh', ['-eu', '-c', script], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  shell.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => shell.once('close', resolve));
  return { code, output };
}

it('the example of docs/partner-issuer.md runs against the reference server as it stands', async () => {
  const issuerId = await connectIssuer(stack, issuer);
  await issuer.admin('PUT', '/v1/accounts/line-0001', { limit: 50_000 });
  await mkdir(join(folder, '.kessai'));
  const dev = {
    baseUrl: stack.baseUrl,
    keys: { admin: stack.adminKey },
    issuerId,
    partners: { issuer: issuer.baseUrl, issuerAdminKey: issuer.adminKey },
  };
  await writeFile(join(folder, '.kessai', 'dev.json'), JSON.stringify(dev));
  const [script = ''] = blocks(text, 'sh');
  const { code, output } = await paste(script);
  expect(code).toBe(0);
  const answers = output.match(/\{[^{}]*\}/g)?.map((it) => JSON.parse(it) as object);
  expect(answers).toMatchObject([
    { valid: 1 },
    { operation: 'AUTHORISE', status: 'DONE' },
    { operation: 'AUTHORISE', status: 'DONE' },
    { operation: 'VOID', status: 'DONE' },
    { accountRef: 'line-0001', limit: 50_000, used: 0 },
  ]);
});

it('the figures of docs/partner-issuer.md are those of the programs', () => {
  const flat = text.replaceAll(/\s+/g, ' ');
  expect(flat).toContain(`Answer within ${ISSUER_TIMEOUT_MS / 1_000} seconds`);
  expect(flat).toContain(
    'after 0.5, 1, 2, 4, 8, 15, 30 seconds, 5 minutes, 1 hour and then daily for five days',
  );
  const daysMs = Array.from({ length: 5 }, () => 86_400_000);
  expect(ISSUER_RETRY).toEqual([500, 1e3, 2e3, 4e3, 8e3, 15e3, 30e3, 300e3, 3_600e3, ...daysMs]);
});
