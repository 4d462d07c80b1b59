import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import ts from 'typescript';
import { describe, expect, it, onTestFinished } from 'vitest';
import { paymentExample, paymentRequest, paymentView } from '../../api/payment/schemas.ts';
import { welcome } from '../../dev/stack/welcome.ts';
import { until } from '../support/until.ts';
import { blocks, root } from './markdown.ts';

const BASE_URL = 'http://127.0.0.1:3000';
const DEV = {
  baseUrl: BASE_URL,
  keys: { merchant: 'the-merchant-key' },
  storeId: 'store-1',
  terminalId: 'till-1',
  users: [{ userId: 'alice', deviceToken: 'the-device-token' }],
};

/** A `curl` that keeps what it was asked for and answers as the API would. */
const CURL = `#!/usr/bin/env node
const args = process.argv.slice(2);
const call = { headers: [], body: undefined, url: undefined };
while (args.length > 0) {
  const it = args.shift();
  if (it === '-H') call.headers.push(args.shift());
  else if (it === '-d') call.body = args.shift();
  else if (it !== '-s') call.url = it;
}
require('fs').appendFileSync('calls', JSON.stringify(call) + '\\n');
console.log(call.url.endsWith('/v1/codes') ? '{"code":"${paymentExample.code}"}' : '{}');
`;

interface Call {
  readonly url: string;
  readonly headers: readonly string[];
  readonly body?: string;
}

/** Runs a script as a reader would paste it, with the curl above. */
async function callsOf(script: string): Promise<Call[]> {
  const folder = mkdtempSync(join(tmpdir(), 'kessai-docs-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  mkdirSync(join(folder, '.kessai'));
  writeFileSync(join(folder, '.kessai/dev.json'), JSON.stringify(DEV));
  writeFileSync(join(folder, 'curl'), CURL);
  chmodSync(join(folder, 'curl'), 0o755);
  const shell = spawn('sh', ['-eu', '-c', script], {
    cwd: folder,
    env: { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH ?? ''}` },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = (await once(shell, 'exit')) as [number | null];
  expect(code).toBe(0);
  const lines = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Call);
}

function expectFirstPayment([codes, payments]: readonly Call[]): void {
  expect(codes).toMatchObject({ url: `${BASE_URL}/v1/codes`, body: '{}' });
  expect(codes?.headers).toContain('authorization: Bearer the-device-token');
  expect(payments).toMatchObject({ url: `${BASE_URL}/v1/payments` });
  expect(payments?.headers).toContain('authorization: Bearer the-merchant-key');
  expect(payments?.headers).toContain('content-type: application/json');
  const body: unknown = JSON.parse(payments?.body ?? '');
  expect(paymentRequest.parse(body)).toMatchObject({ code: paymentExample.code, storeId: DEV.storeId });
}

describe('the first payment', () => {
  it('of README is what the API takes, and looks the payment up', { timeout: 30_000 }, async () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const [script = ''] = blocks(readme, 'sh').filter((it) => it.includes('curl'));
    const calls = await callsOf(script);
    expectFirstPayment(calls);
    const { merchantPaymentId } = JSON.parse(calls[1]?.body ?? '') as { merchantPaymentId: string };
    expect(calls[2]?.url).toBe(`${BASE_URL}/v1/payments/${merchantPaymentId}`);
    expect(calls).toHaveLength(3);
  });

  it('that npm start prints is what the API takes', { timeout: 30_000 }, async () => {
    const text = welcome({
      baseUrl: BASE_URL,
      temporalAddress: '127.0.0.1:7233',
      uiUrl: undefined,
      embeddedPostgres: true,
      workerMetricsPort: 9464,
      issuerUrl: 'http://127.0.0.1:3100',
      parkingUrl: 'http://127.0.0.1:3200',
    });
    const script = text.slice(text.indexOf('  dev()'), text.indexOf('Ctrl-C'));
    expectFirstPayment(await callsOf(script));
  });
});

describe('docs/webhooks.md', () => {
  const text = readFileSync(join(root, 'docs/webhooks.md'), 'utf8');
  const [body = ''] = blocks(text, 'json');

  it('shows a payment as the API knows it', () => {
    expect(paymentView.strict().safeParse(JSON.parse(body)).error).toBeUndefined();
  });

  it('has a receiver that runs: it takes what is signed, once, and nothing else', async () => {
    const [source = ''] = blocks(text, 'ts');
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const port = await freePort();
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    const receiver = spawn(process.execPath, ['--input-type=module', '--eval', outputText], {
      cwd: root,
      env: { ...process.env, WEBHOOK_SECRET: secret, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => {
      receiver.kill('SIGKILL');
    });
    let output = '';
    receiver.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const url = `http://127.0.0.1:${port}/`;
    await until('the receiver', () =>
      fetch(url, { method: 'POST' }).then(
        () => true,
        () => false,
      ),
    );

    const at = new Date();
    const headers = {
      'webhook-id': 'evt_pay_1_completed',
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign('evt_pay_1_completed', at, body),
    };
    const post = async (it: string): Promise<number> =>
      (await fetch(url, { method: 'POST', headers, body: it })).status;
    expect(await post(body.replace('500', '900'))).toBe(400);
    expect(await post(body)).toBe(204);
    expect(await post(body)).toBe(204);
    await until('its line', () => output.includes('\n'));
    expect(output).toBe('order-2026-0001: COMPLETED\n');
  });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}
