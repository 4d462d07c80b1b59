import type { WorkflowHandle } from '@temporalio/client';
import type { InboxMessage } from '../../db/debt.ts';
import type { DebtView } from '../../domain/dunning/debt.ts';
import { apiClient, type Answer, type ApiCall } from './client.ts';
import { expectStatus, givenPayer, uniqueId, type GivenPayer } from './givens.ts';
import type { Stack } from './stack.ts';
import { until } from './until.ts';

/** An issuer with a key of its own, which hears of its debts at `baseUrl`. */
export interface GivenCreditor {
  readonly issuerId: string;
  readonly call: ApiCall;
}

export async function givenCreditor(stack: Stack, baseUrl?: string): Promise<GivenCreditor> {
  const issuerId = uniqueId('i');
  const admin = apiClient(stack.baseUrl, stack.adminKey);
  if (baseUrl !== undefined) {
    const body = { name: 'Test Credit', baseUrl, timeZone: 'Asia/Tokyo' };
    expectStatus(await admin('PUT', `/v1/issuers/${issuerId}`, body), 200);
    expectStatus(await admin('POST', `/v1/issuers/${issuerId}/signing-secret`), 201);
  }
  const made = await admin<{ key: string }>('POST', '/v1/keys', {
    role: 'issuer',
    tenantId: issuerId,
    name: 'dunning',
  });
  expectStatus(made, 201);
  return { issuerId, call: apiClient(stack.baseUrl, made.body.key) };
}

/** A zone, without daylight saving, in which it is between 12:00 and 13:00 at this moment. */
export function zoneAtNoon(nowMs: number): string {
  const hours = 12 - new Date(nowMs).getUTCHours();
  // Etc/GMT-9 is nine hours ahead of Greenwich.
  return hours === 0 ? 'Etc/GMT' : `Etc/GMT${hours > 0 ? '-' : '+'}${Math.abs(hours)}`;
}

/** A user for whom it is noon. */
export function givenDebtor(stack: Stack, nowMs = Date.now()): Promise<GivenPayer> {
  return givenPayer(stack, { timeZone: zoneAtNoon(nowMs), locale: 'en' });
}

export interface DebtBody {
  userId: string;
  amount: number;
  currency: string;
  dueOn: string;
  revision: number;
}

/** A bill of 12,300 yen that was due two days before. */
export function debtBody(it: Partial<DebtBody> & { userId: string }, nowMs = Date.now()): DebtBody {
  const dueOn = new Date(nowMs - 2 * 86_400_000).toISOString().slice(0, 10);
  return { amount: 12_300, currency: 'JPY', dueOn, revision: 1, ...it };
}

export async function debtOf({ call }: { call: ApiCall }, debtId: string): Promise<DebtView> {
  const answer = await call<DebtView>('GET', `/v1/debts/${debtId}`);
  expectStatus(answer, 200);
  return answer.body;
}

/** How many events a campaign has in its history, once it has carried out what it heard and waits. */
export function eventsWhenWaiting(handle: WorkflowHandle): Promise<number> {
  return until('a campaign that waits', async () => {
    const events = (await handle.fetchHistory()).events ?? [];
    return events.at(-1)?.timerStartedEventAttributes == null ? undefined : events.length;
  });
}

export async function inboxOf(payer: GivenPayer): Promise<(InboxMessage & { debtState?: string })[]> {
  const answer = await payer.call<{ items: InboxMessage[] }>('GET', '/v1/me/messages?limit=200');
  expectStatus(answer, 200);
  return answer.body.items;
}

export function tell(
  payer: GivenPayer,
  messageId: string,
  type: string,
  it: { eventId?: string; at?: string } = {},
): Promise<Answer<InboxMessage & { code?: string }>> {
  return payer.call('POST', `/v1/messages/${messageId}/events`, {
    eventId: it.eventId ?? uniqueId('e'),
    type,
    at: it.at ?? new Date().toISOString(),
  });
}
