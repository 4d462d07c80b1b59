import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { newId } from '../../db/id.ts';
import { findQuote, type ParkingQuote } from '../../db/parking-quote.ts';
import { findSettlement } from '../../db/parking-settlement.ts';
import type { SettlementView } from '../../domain/parking/settlement.ts';
import type { ParkingOutcome, ParkingSettlementInput } from '../../workflows/parking-settlement/contract.ts';
import type { ApiDeps } from '../deps.ts';
import { requestHash } from '../http/hash.ts';
import { idempotencyMismatch, notFound, Problem } from '../http/problem.ts';
import type { Reply } from '../http/route.ts';
import { pendingOrUnavailable, type Started } from '../workflow-start.ts';
import type { SettlementRequest } from './settlement-schemas.ts';
import { findPendingSettlement, startAgainIfLost, startParkingSettlement } from './settlement-start.ts';

const LOOK_AGAIN_MS = 50;

/** Who asks: a phone, once. */
export interface Asking {
  readonly userId: string;
  readonly deviceId: string;
  readonly attemptId: string;
}

/** A phone's request, to its three-valued answer: decided (200), in progress (202), or an error that charged nothing. */
export async function submitSettlement(
  deps: ApiDeps,
  { userId, deviceId, attemptId }: Asking,
  body: SettlementRequest,
): Promise<Reply> {
  const { settlementId, quoteId, fundingSource } = body;
  const asked = { requestHash: requestHash(body), attemptId };
  // What was decided once is answered for good, however old its quote is by now.
  const stored = await findSettlement(deps.pool, userId, settlementId);
  if (stored !== undefined && stored.view.state !== 'PAYING') {
    takeUpAgain(deps, { userId, settlementId });
    return decidedReply(stored, asked);
  }
  const quote = await findQuote(deps.pool, userId, quoteId);
  if (quote === undefined) throw notFound('quote');
  if (stored === undefined && Date.parse(quote.expiresAt) <= Date.now())
    await refuseExpired(deps, userId, settlementId);

  const started = await startUnlessBefore(
    deps,
    {
      settlementRef: newId('set'),
      paymentId: newId('pay'),
      releaseCode: String(randomInt(10_000)).padStart(4, '0'),
      settlementId,
      userId,
      deviceId,
      quoteId,
      fundingSource,
      ...asked,
    },
    quote,
  );
  if (started.kind === 'decided') return decidedReply(started.outcome, asked);
  const late = await findSettlement(deps.pool, userId, settlementId);
  if (late !== undefined) return decidedReply(late, asked);
  const pending = await pendingOrUnavailable(deps, 'settlement', started.cause, () =>
    findPendingSettlement(deps.temporal, userId, settlementId),
  );
  if (pending.requestHash !== asked.requestHash) throw idempotencyMismatch('settlementId');
  return inProgressReply(pending.settlement);
}

/** Behind the answer: a settlement whose workflow was terminated goes on with the next repeat of its request. */
function takeUpAgain(deps: ApiDeps, it: { userId: string; settlementId: string }): void {
  startAgainIfLost(it, deps).catch((error: unknown) => {
    deps.log.warn({ err: error }, 'a repeated settlement was not looked after');
  });
}

/** A quote that was refused under this id a moment ago may still be on its way out: then the next start is ours. */
async function startUnlessBefore(
  deps: ApiDeps,
  input: ParkingSettlementInput,
  quote: ParkingQuote,
): Promise<Started<ParkingOutcome>> {
  const untilMs = Date.now() + deps.tillDeadlineMs;
  for (;;) {
    const started = await startParkingSettlement(input, quote, deps);
    const isOthers =
      started.kind === 'decided' &&
      started.outcome.kind === 'refused' &&
      started.outcome.requestHash !== input.requestHash;
    if (!isOthers || Date.now() > untilMs) return started;
    await delay(LOOK_AGAIN_MS);
  }
}

/** 202 with the place to ask again. */
export function inProgressReply(view: SettlementView): Reply {
  return {
    status: 202,
    body: view,
    headers: { location: `/v1/parking/settlements/${view.settlementId}`, 'retry-after': '2' },
  };
}

/** An expired quote is never charged; a settlement that began while it was good goes on. */
async function refuseExpired(deps: ApiDeps, userId: string, settlementId: string): Promise<void> {
  const running = await findPendingSettlement(deps.temporal, userId, settlementId).catch(() => undefined);
  if (running === undefined)
    throw new Problem('QUOTE_EXPIRED', 'The quote has expired; nothing was charged. Ask for a new one.');
}

function decidedReply(outcome: ParkingOutcome, asked: { requestHash: string; attemptId: string }): Reply {
  if (outcome.requestHash !== asked.requestHash) throw idempotencyMismatch('settlementId');
  if (outcome.kind === 'refused') throw new Problem(outcome.code, outcome.detail);
  if (outcome.view.state === 'PAYING') return inProgressReply(outcome.view);
  const isRepeat = outcome.attemptId !== asked.attemptId;
  return { status: 200, body: outcome.view, headers: isRepeat ? { 'idempotency-hit': 'true' } : {} };
}
