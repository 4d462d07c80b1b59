import { createHmac } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { newId } from '../db/id.ts';
import { issueOrKeepOfflineKey } from '../db/offline-key.ts';
import type { Pool } from '../db/pool.ts';
import { createSealer } from '../db/sealed.ts';
import { assertDefined } from '../domain/assert.ts';
import { DEFAULT_CODE_PREFIX } from '../domain/code/format.ts';
import { offlineCode, timeStep } from '../domain/code/offline.ts';
import { eachOf, seedPayer, type IssuedCode, type People } from './people.ts';

/** What a phone of its own shows, and the token with which that phone sends its journal. */
export interface OfflineCode extends IssuedCode {
  readonly handle: string;
  readonly deviceToken: string;
}

/**
 * New payers, each with a phone, a key and the code that it shows. It is the code of the step after this one, which the server
 * accepts (phones run fast), so it is good for a minute at least.
 */
export async function issueOfflineCodes(pool: Pool, people: People, count: number): Promise<OfflineCode[]> {
  const sealer = createSealer(people.codePepper);
  const pepper = Buffer.from(people.codePepper, 'base64');
  const codes: OfflineCode[] = [];
  await eachOf(count, 8, async () => {
    const payer = await seedPayer(pool, `${people.merchantId}-${newId('req')}`);
    const issued = await issueOrKeepOfflineKey(pool, sealer, { ...payer, now: new Date() });
    if (issued.kind !== 'issued') throw new Error(`no offline key for ${payer.userId}: ${issued.kind}`);
    const { handle, key } = issued;
    const step = timeStep(Date.now()) + 1;
    const code = await offlineCode({ prefix: DEFAULT_CODE_PREFIX, handle, key, step });
    const codeDigest = createHmac('sha256', pepper).update(code).digest('hex');
    codes.push({ code, codeDigest, handle, deviceToken: payer.deviceToken });
  });
  return codes;
}

/** Sends each phone's journal, as in the evening of a day, and waits until the payments that waited for it have ended. */
export async function closeOffline(
  client: Client,
  baseUrl: string,
  open: readonly { readonly issued: OfflineCode; readonly workflowId: string }[],
): Promise<void> {
  await eachOf(open.length, 8, async (index) => {
    const { issued, workflowId } = assertDefined(open[index]);
    await confirm(baseUrl, issued);
    await client.workflow.getHandle(workflowId).result();
  });
}

async function confirm(baseUrl: string, { code, deviceToken }: OfflineCode): Promise<void> {
  const now = new Date().toISOString();
  const response = await fetch(`${baseUrl}/v1/journals`, {
    method: 'POST',
    headers: { authorization: `Bearer ${deviceToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      entries: [{ entryId: 'shown-1', code, displayedAt: now, clockOffsetMs: 0 }],
      coversFrom: now,
      coversTo: now,
    }),
  });
  const text = await response.text();
  if (!response.ok || !text.includes('"MATCHED"'))
    throw new Error(`a journal confirmed nothing: ${response.status} ${text}`);
}
