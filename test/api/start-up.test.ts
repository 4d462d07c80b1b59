import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { freePort } from '../../dev/servers/ports.ts';
import { startProgram, type Program } from '../support/program.ts';
import { listen } from '../support/stack.ts';
import { until } from '../support/until.ts';

// Each is a process that loads all its code.
const TIMEOUT_MS = 60_000;

/** Everything right, with no server behind it: nobody listens on port 1. */
const GOOD = {
  DATABASE_URL: 'postgres://kessai@127.0.0.1:1/kessai',
  KESSAI_DATA_KEY: randomBytes(32).toString('base64'),
  KESSAI_CODE_PEPPER: randomBytes(32).toString('base64'),
  TEMPORAL_ADDRESS: '127.0.0.1:1',
  TEMPORAL_NAMESPACE: 'default',
  TEMPORAL_CONFIG_FILE: undefined,
  LOG_LEVEL: 'info',
  HOST: '127.0.0.1',
  PORT: '0',
  WORKER_METRICS_PORT: undefined,
};

const programs: Program[] = [];
function start(entry: string, env: NodeJS.ProcessEnv = {}): Program {
  const program = startProgram(entry, { ...GOOD, ...env });
  programs.push(program);
  return program;
}
afterEach(async () => {
  await Promise.all(programs.splice(0).map((it) => it.stop()));
});

interface Case {
  readonly entry: 'workers/api-main.ts' | 'workers/main.ts';
  readonly env: NodeJS.ProcessEnv;
  readonly says: string;
}

const WORKER = 'The worker cannot start: ';
const API = 'The API cannot start: ';
const LEVELS = 'fatal, error, warn, info, debug, trace, silent';

describe('a start that cannot succeed ends with 1 and one sentence', () => {
  it('of the worker', { timeout: TIMEOUT_MS }, async () => {
    const taken = await listen(createServer());
    const { port } = taken.address() as AddressInfo;
    await expectSentences(
      (
        [
          [
            { DATABASE_URL: undefined, KESSAI_DATA_KEY: '' },
            'DATABASE_URL is not set; KESSAI_DATA_KEY is not set.',
          ],
          [
            { KESSAI_DATA_KEY: 'c2hvcnQ=' },
            'KESSAI_DATA_KEY must be base64 of 32 bytes (openssl rand -base64 32).',
          ],
          [
            { LOG_LEVEL: 'loud', DATABASE_URL: 'kessai', WORKER_METRICS_PORT: '70000' },
            `WORKER_METRICS_PORT is not a port; LOG_LEVEL must be one of ${LEVELS}; DATABASE_URL must be a URL that begins with postgres://.`,
          ],
          [
            {
              KESSAI_CODE_PEPPER: '',
              CODE_PREFIX: '1',
              KESSAI_DATA_KEYS_OLD: `${GOOD.KESSAI_DATA_KEY},c2hvcnQ=`,
              KESSAI_CODE_PEPPERS_OLD: 'c2hvcnQ=',
            },
            'CODE_PREFIX must be 6 digits; KESSAI_DATA_KEYS_OLD must be base64 of 32 bytes each, with commas between; KESSAI_CODE_PEPPER is not set; KESSAI_CODE_PEPPERS_OLD must be base64 of 32 bytes each, with commas between.',
          ],
          [
            {},
            'Temporal at 127.0.0.1:1 cannot be reached (Connection refused); start it, or set TEMPORAL_ADDRESS.',
          ],
          [
            { TEMPORAL_ADDRESS: inject('temporalAddress'), TEMPORAL_NAMESPACE: 'nowhere' },
            "Temporal's namespace nowhere cannot be used (Namespace nowhere is not found); make it, or set TEMPORAL_NAMESPACE.",
          ],
          [
            { WORKER_METRICS_PORT: String(port) },
            `port ${port} is in use; set WORKER_METRICS_PORT to a free one.`,
          ],
        ] as const
      ).map(([env, says]) => ({ entry: 'workers/main.ts', env, says: WORKER + says })),
    );
    taken.close();
  });

  it('of the API', { timeout: TIMEOUT_MS }, async () => {
    const taken = await listen(createServer());
    const { port } = taken.address() as AddressInfo;
    await expectSentences(
      (
        [
          [
            { DATABASE_URL: undefined, KESSAI_CODE_PEPPER: '' },
            'DATABASE_URL is not set; KESSAI_CODE_PEPPER is not set.',
          ],
          [
            { KESSAI_DATA_KEY: 'c2hvcnQ=' },
            'KESSAI_DATA_KEY must be base64 of 32 bytes (openssl rand -base64 32).',
          ],
          [
            { LOG_LEVEL: 'loud', PORT: 'http', CODE_PREFIX: '1' },
            `PORT is not a port; LOG_LEVEL must be one of ${LEVELS}; CODE_PREFIX must be 6 digits.`,
          ],
          [
            { KESSAI_DATA_KEYS_OLD: 'c2hvcnQ=', KESSAI_CODE_PEPPERS_OLD: 'c2hvcnQ=' },
            'KESSAI_DATA_KEYS_OLD must be base64 of 32 bytes each, with commas between; KESSAI_CODE_PEPPERS_OLD must be base64 of 32 bytes each, with commas between.',
          ],
          [{ PORT: String(port) }, `port ${port} is in use; set PORT to a free one.`],
        ] as const
      ).map(([env, says]) => ({ entry: 'workers/api-main.ts', env, says: API + says })),
    );
    taken.close();
  });
});

/** Side by side, as most of each start is loading code. */
async function expectSentences(cases: readonly Case[]): Promise<void> {
  const ends = await Promise.all(
    cases.map(async ({ entry, env }) => {
      const program = start(entry, env);
      const code = await program.exitCode();
      return { code, errors: program.errors() };
    }),
  );
  expect(ends).toEqual(cases.map(({ says }) => ({ code: 1, errors: `${says}\n` })));
}

describe('SIGTERM of the API', () => {
  it(
    'ends it with 0 though a request stopped half-way; asked again, it ends at once',
    { timeout: TIMEOUT_MS },
    async () => {
      const [patient, hasty] = await Promise.all([startApi(), startApi()]);
      const sockets = await Promise.all([patient, hasty].map(({ port }) => sendHalfARequest(port)));
      patient.api.signal('SIGTERM');
      hasty.api.signal('SIGTERM');
      await until('both stop', () => [patient, hasty].every(({ api }) => api.output().includes('API stops')));
      // A signal that comes twice within half a second is one, so this is asked until it is heard.
      const asking = setInterval(() => {
        hasty.api.signal('SIGTERM');
      }, 100);
      const first = await Promise.race([
        hasty.api.exitCode().then((code) => ({ who: 'hasty', code })),
        patient.api.exitCode().then((code) => ({ who: 'patient', code })),
      ]).finally(() => {
        clearInterval(asking);
      });
      expect(first).toEqual({ who: 'hasty', code: 1 });
      expect(await patient.api.exitCode()).toBe(0);
      for (const socket of sockets) socket.destroy();
    },
  );
});

describe('the worker in the API', () => {
  it('starts when Temporal is there, and ends with the API', { timeout: TIMEOUT_MS }, async () => {
    const { api, port } = await startApi({
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      KESSAI_TASK_QUEUE: `start-up-${randomBytes(6).toString('hex')}`,
    });
    await until(
      'its worker',
      async () => {
        const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
        return metrics.includes('kessai_till_worker_running 1') && metrics.includes('temporal_worker_start');
      },
      TIMEOUT_MS,
    );
    api.signal('SIGTERM');
    expect(await api.exitCode()).toBe(0);
    expect(api.errors()).toBe('');
  });
});

async function startApi(env: NodeJS.ProcessEnv = {}): Promise<{ api: Program; port: number }> {
  const port = await freePort();
  const api = start('workers/api-main.ts', { PORT: String(port), ...env });
  await until('the API listens', () => api.output().includes('API listens'), TIMEOUT_MS);
  return { api, port };
}

/** A request that stops in the middle of its head; the server has read so far. */
async function sendHalfARequest(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  await new Promise((resolve) => socket.write('POST /v1/payments HTTP/1.1\r\nhost: kessai\r\n', resolve));
  // Answered later than what lay there before it.
  await (await fetch(`http://127.0.0.1:${port}/healthz`)).text();
  return socket;
}
