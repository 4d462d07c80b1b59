import { execFile } from 'node:child_process';
import { createHmac, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { assertDefined } from '../../../domain/assert.ts';
import { parseCode } from '../../../domain/code/format.ts';
import * as offline from '../../../domain/code/offline.ts';
import { modulesOf, root, runWithGlobals, withoutTypes } from '../../support/browser-modules.ts';

interface Vector {
  readonly about: string;
  readonly keyHex: string;
  readonly handle: string;
  readonly timeMs: number;
  readonly step: number;
  readonly password: string;
  readonly code: string;
}

const run = promisify(execFile);
const ENTRY = 'domain/code/offline.ts';
const jsonText = readFileSync(join(root, 'docs/offline-code-vectors.json'), 'utf8');
const published = JSON.parse(jsonText) as { prefix: string; vectors: Vector[] };
const { prefix, vectors } = published;
const expected = vectors.map(({ step, password, code }) => ({ step, password, code }));

/** What an implementation makes of a vector's key, handle and time. */
async function compute(it: Vector, { timeStep, totp, offlineCode }: typeof offline) {
  const key = Buffer.from(it.keyHex, 'hex');
  const step = timeStep(it.timeMs);
  return {
    step,
    password: await totp(key, step),
    code: await offlineCode({ prefix, handle: it.handle, key, step }),
  };
}

const isInstalled = async (program: string): Promise<boolean> =>
  run(program, ['--version']).then(
    () => true,
    () => false,
  );

describe('the published vectors of the offline code', () => {
  it('are many, with leading zeros, borders of steps and steps beyond 32 bits among them', () => {
    expect(vectors.length).toBeGreaterThanOrEqual(20);
    expect(new Set(vectors.map((it) => it.about)).size).toBe(vectors.length);
    expect(vectors.some((it) => it.password.startsWith('0000'))).toBe(true);
    expect(vectors.some((it) => it.timeMs % 30_000 === 0)).toBe(true);
    expect(vectors.some((it) => it.timeMs % 30_000 === 29_999)).toBe(true);
    expect(vectors.some((it) => it.step === 2 ** 32)).toBe(true);
  });

  it.each(vectors)('are what our code makes: $about', async (vector) => {
    const { step, password, code } = vector;
    expect(await compute(vector, offline)).toEqual({ step, password, code });
    expect(parseCode(code, prefix)).toEqual({
      kind: 'code',
      mode: 'OFFLINE',
      body: vector.handle + password,
    });
  });

  it('come out the same, byte for byte, when Python makes them anew', { timeout: 30_000 }, async (test) => {
    if (!(await isInstalled('python3'))) test.skip('python3 is not installed: vectors were not made anew');
    const { stdout } = await run('python3', [join(root, 'docs/offline-code-vectors.py')]);
    expect(stdout).toBe(jsonText);
  });

  it('have the worked example of the document', () => {
    const text = readFileSync(join(root, 'docs/offline-code.md'), 'utf8');
    const it = assertDefined(vectors.find(({ about }) => about.includes('worked example')));
    const key = Buffer.from(it.keyHex, 'hex');
    const message = Buffer.alloc(8);
    message.writeBigUInt64BE(BigInt(it.step));
    const hash = createHmac('sha256', key).update(message).digest('hex');
    const said = [it.keyHex, key.toString('base64url'), it.handle, String(it.timeMs), String(it.step)];
    for (const value of [...said, message.toString('hex'), hash, it.password, it.code])
      expect(text).toContain(`\`${value}\``);
  });
});

describe('the code that makes offline codes', () => {
  it('is of domain/code alone', () => {
    expect(modulesOf(ENTRY).filter((file) => !file.startsWith('domain/code/'))).toEqual([]);
  });

  it('needs no more than the language and crypto.subtle', async () => {
    const alone = runWithGlobals<typeof offline>(ENTRY, { crypto: { subtle: webcrypto.subtle } });
    const made = [];
    for (const vector of vectors) made.push(await compute(vector, alone));
    expect(made).toEqual(expected);
  });

  it('makes the same codes in Chromium', { timeout: 60_000 }, async (test) => {
    const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
      existsSync,
    );
    if (chromium === undefined) {
      test.skip('no Chromium is installed: codes were not made in a browser');
      return;
    }
    const page = `<!doctype html><pre id="out"></pre><script type="module">
      import * as offline from '/${ENTRY}';
      const { prefix, vectors } = await (await fetch('/vectors.json')).json();
      const made = [];
      for (const it of vectors) {
        const key = Uint8Array.from(it.keyHex.match(/../g), (byte) => parseInt(byte, 16));
        const step = offline.timeStep(it.timeMs);
        const password = await offline.totp(key, step);
        made.push({ step, password, code: await offline.offlineCode({ prefix, handle: it.handle, key, step }) });
      }
      document.getElementById('out').textContent = JSON.stringify(made);
    </script>`;
    const files = new Map<string, [type: string, content: string]>([
      ['/', ['text/html', page]],
      ['/vectors.json', ['application/json', jsonText]],
      ...modulesOf(ENTRY).map((file): [string, [string, string]] => [
        `/${file}`,
        ['text/javascript', withoutTypes(join(root, file), ts.ModuleKind.ESNext)],
      ]),
    ]);
    const server = createServer((request, response) => {
      const [type, content] = files.get(request.url ?? '') ?? ['text/plain', ''];
      response.writeHead(content === '' ? 404 : 200, { 'content-type': type }).end(content);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const profile = await mkdtemp(join(tmpdir(), 'kessai-chromium-'));
    try {
      const { stdout } = await run(
        chromium,
        [
          '--headless=new',
          '--no-sandbox',
          '--disable-gpu',
          `--user-data-dir=${profile}`,
          '--virtual-time-budget=20000',
          '--dump-dom',
          `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
        ],
        { timeout: 50_000 },
      );
      const out = /<pre id="out">(.*?)<\/pre>/.exec(stdout)?.[1] ?? '';
      expect(JSON.parse(out)).toEqual(expected);
    } finally {
      server.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    }
  });
});
