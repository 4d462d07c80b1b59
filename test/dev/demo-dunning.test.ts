import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyLedger } from '../../db/ledger-verify.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const TIMEOUT_MS = 240_000;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function run(...options: string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'dev/demo-dunning/main.ts', ...options], {
    env: { ...process.env, DATABASE_URL: database.url },
    // So that what it had said until then is seen.
    timeout: TIMEOUT_MS,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

describe('npm run demo:dunning', () => {
  it(
    'plays thirty days of a campaign, which ends as its story says',
    async () => {
      // One of the ten, whose campaign is open at the end: the server does not always skip on when one closes.
      const { code, output } = await run('--only', 'gen');
      expect(output).toContain('Everything went as it should.');
      expect(code).toBe(0);
      for (const what of [
        'sent, number 1 in stage 1, opened',
        'held off until day 13',
        'deferred to here: HOLD',
        'sent, number 5 in stage 3, opened',
        'ok: CONTACTED, 5 messages',
      ])
        expect(output).toContain(what);
      expect((await verifyLedger(database.pool)).breaks).toEqual([]);
    },
    TIMEOUT_MS + 10_000,
  );

  it('names the stories when asked for one that is not there', async () => {
    const { code, output } = await run('--only', 'nobody');
    expect(code).toBe(1);
    expect(output).toContain('There is no story of nobody; there are aiko, ben');
  });

  it('says how it is called', async () => {
    const { code, output } = await run('--help');
    expect(code).toBe(0);
    expect(output).toContain('npm run demo:dunning');
  });
});
