import { expectStatus, uniqueId, type GivenPayer } from './givens.ts';
import type { FakeBrowser, PushService } from './push-service.ts';
import type { Stack } from './stack.ts';

/** A browser of the user's phone that takes push messages. */
export async function givenBrowser(
  service: PushService,
  payer: GivenPayer,
  it: { showAmounts?: boolean } = {},
): Promise<FakeBrowser> {
  const key = await payer.call<{ publicKey: string }>('GET', '/v1/push/public-key');
  expectStatus(key, 200);
  const browser = service.subscribe(key.body.publicKey);
  const body = { ...browser.subscription, ...it };
  expectStatus(await payer.call('PUT', `/v1/push-subscriptions/${uniqueId('sw')}`, body), 200);
  return browser;
}

/** How a message of the inbox fared with the push services. */
export async function pushStatusOf(stack: Stack, messageId: string): Promise<string | null> {
  const found = await stack.pool.query<{ status: string | null }>(
    'select push_status as status from debt_message where message_id = $1',
    [messageId],
  );
  return found.rows[0]?.status ?? null;
}

export interface KeptAttempt {
  readonly atMs: number;
  readonly statusCode: number | null;
  readonly outcome: string;
}

/** Every try that was kept of a message, oldest first. */
export async function pushAttemptsOf(stack: Stack, messageId: string): Promise<KeptAttempt[]> {
  const found = await stack.pool.query<KeptAttempt & { atMs: string }>(
    `select (extract(epoch from started_at) * 1000)::bigint as "atMs", status_code as "statusCode", outcome
       from push_attempt where message_id = $1 order by started_at, attempt_no`,
    [messageId],
  );
  return found.rows.map((it) => ({ ...it, atMs: Number(it.atMs) }));
}
