import type { OperatorOperation } from '../domain/parking/operator-call.ts';
import type { SettlementOrder, SettlementView, ReleaseOutcome } from '../domain/parking/settlement.ts';
import type { StoredOutcome } from './payment.ts';
import { firstRow, oneRow, rows, type Db } from './pool.ts';

/** What `parking_settle` needs to decide. Times are RFC 3339 in UTC. */
export interface SettleParkingRequest extends SettlementOrder {
  readonly requestedAt: string;
  readonly decidedAt: string;
  readonly policyVersion: string;
  readonly similarWindowMs: number;
  readonly cancelUntilMinutesOfNextDay: number;
}

/** A quote that cannot be paid: nothing was written. */
export interface RefusedSettlement {
  readonly kind: 'refused';
  readonly code: 'NOT_FOUND' | 'QUOTE_EXPIRED' | 'CONFLICT_STATE';
  readonly detail: string;
  readonly requestHash: string;
  readonly attemptId: string;
}

/** A stored settlement and what its callers need around it. */
export interface StoredSettlement {
  readonly kind: 'settled';
  /** As it was decided, where a decision is asked for; else as it is now. */
  readonly view: SettlementView;
  /** As it is now. */
  readonly now: SettlementView;
  readonly requestHash: string;
  readonly attemptId: string;
  readonly userId: string;
  /** True if this call changed nothing that anybody is told. */
  readonly replayed: boolean;
  /** Whether the operator's server releases, or a person. */
  readonly release: 'SERVER' | 'OPERATOR_CONFIRM';
  readonly operatorPhone: string | null;
  readonly payment: StoredOutcome;
}

/** Decides a settlement, or finds its decision, in one round trip and one transaction. */
export async function settleParking(
  db: Db,
  request: SettleParkingRequest,
): Promise<StoredSettlement | RefusedSettlement> {
  const statement = { name: 'parking_settle', text: 'select parking_settle($1::jsonb) as outcome' };
  const found = await oneRow<{ outcome: StoredSettlement | RefusedSettlement }>(db, statement, [
    JSON.stringify(request),
  ]);
  return found.outcome;
}

/** What somebody said of a settlement. */
export interface SettlementAnswer {
  readonly id: string;
  readonly source: 'SERVER' | 'CONFIRMATION' | 'OPERATOR' | 'DRIVER';
  readonly outcome?: ReleaseOutcome | 'CANCELED' | 'TOO_LATE' | undefined;
  readonly isObeyed: boolean;
  readonly detail?: string | undefined;
}

/** One step of a settlement that is decided; `NOTE` keeps an answer and changes nothing else. */
export type ParkingStep = (
  | { readonly step: 'PAID_ON_CREDIT' | 'REQUESTED' | 'AWAITING' | 'CANCEL_REQUESTED' | 'NOTE' }
  | { readonly step: 'RELEASED'; readonly by: 'SERVER' | 'OPERATOR' }
  | { readonly step: 'REFUNDING'; readonly reason: string }
  | { readonly step: 'REFUNDED'; readonly status: 'COMPLETED' | 'FAILED' }
  | { readonly step: 'EXITED' | 'OVERSTAYED'; readonly exitedAt?: string | undefined }
) & { readonly ref: string; readonly answer?: SettlementAnswer | undefined };

/** Takes a settlement one step on, or finds that it is further. */
export async function advanceParking(
  db: Db,
  step: ParkingStep & { readonly at: string },
): Promise<StoredSettlement> {
  const statement = { name: 'parking_advance', text: 'select parking_advance($1::jsonb) as outcome' };
  return (await oneRow<{ outcome: StoredSettlement }>(db, statement, [JSON.stringify(step)])).outcome;
}

/** What the operator's server is told of a settlement, and what it has said on its own. */
export interface Telling {
  readonly operatorId: string;
  readonly completion: Readonly<Record<string, unknown>>;
  readonly confirmation: { readonly eventId: string; readonly outcome: ReleaseOutcome } | null;
}

/** What an operator's server has to hear now. */
export async function findTelling(db: Db, ref: string): Promise<Telling> {
  const statement = {
    name: 'parking_telling',
    text: `select s.operator_id as "operatorId",
                  json_strip_nulls(json_build_object('settlementId', s.settlement_ref, 'sessionId', s.session_id,
                    'placeId', s.place_id, 'space', q.space, 'amount', s.amount, 'currency', s.currency,
                    'paidAt', rfc3339(s.paid_at), 'exitBy', rfc3339(q.exit_by)))::jsonb
                  || jsonb_build_object('releasedBy', nullif(s.released_by, 'SERVER')) as completion,
                  (select json_build_object('eventId', substr(a.answer_id, 7), 'outcome', a.outcome) from parking_answer a
                    where a.settlement_ref = s.settlement_ref and a.source = 'CONFIRMATION' and a.is_obeyed is null
                    order by a.said_at limit 1) as confirmation
             from parking_settlement s join parking_quote q using (quote_id) where s.settlement_ref = $1`,
  };
  return oneRow<Telling & Record<string, unknown>>(db, statement, [ref]);
}

/** What became of a confirmation that an operator's server sent. */
export interface KeptConfirmation {
  /** `mismatch`: this event said something else before. */
  readonly kind: 'kept' | 'mismatch';
  readonly view: SettlementView;
  readonly userId: string;
  readonly settlementId: string;
}

/** Keeps what an operator's server says on its own, once an event. Undefined for a settlement that is not its. */
export async function keepConfirmation(
  db: Db,
  it: { operatorId: string; ref: string; eventId: string; outcome: ReleaseOutcome; at: string },
): Promise<KeptConfirmation | undefined> {
  const statement = { name: 'parking_confirm', text: 'select parking_confirm($1::jsonb) as result' };
  const found = await oneRow<{ result: KeptConfirmation | null }>(db, statement, [JSON.stringify(it)]);
  return found.result ?? undefined;
}

/** A driver's own settlement. */
export async function findSettlement(
  db: Db,
  userId: string,
  settlementId: string,
): Promise<StoredSettlement | undefined> {
  const statement = {
    name: 'parking_settlement_find',
    text: `select parking_outcome(parking_settlement_as_decided(s), true) as outcome from parking_settlement s
            where user_id = $1 and settlement_id = $2`,
  };
  const row = await firstRow<{ outcome: StoredSettlement }>(db, statement, [userId, settlementId]);
  return row?.outcome;
}

/** What was said of a settlement, for its operator. */
export interface KeptAnswer {
  readonly at: string;
  readonly source: SettlementAnswer['source'];
  readonly outcome?: string;
  readonly isObeyed?: boolean;
  readonly detail?: string;
}

/** An operator's settlement, by Kessai's reference, with all that was said of it. */
export async function findSettlementOfOperator(
  db: Db,
  operatorId: string,
  ref: string,
): Promise<{ view: SettlementView; answers: KeptAnswer[] } | undefined> {
  const statement = {
    name: 'parking_settlement_of_operator',
    text: `select parking_settlement_view(s) as view,
                  coalesce((select json_agg(json_strip_nulls(json_build_object('at', rfc3339(a.said_at), 'source', a.source,
                      'outcome', a.outcome, 'isObeyed', a.is_obeyed, 'detail', a.detail)) order by a.said_at, a.answer_id)
                    from parking_answer a where a.settlement_ref = s.settlement_ref), '[]') as answers
             from parking_settlement s where settlement_ref = $2 and operator_id = $1`,
  };
  return firstRow<{ view: SettlementView; answers: KeptAnswer[] }>(db, statement, [operatorId, ref]);
}

/** Notes that a driver has seen the settlement, the first time; undefined if there is none. */
export async function markSettlementSeen(
  db: Db,
  userId: string,
  settlementId: string,
): Promise<SettlementView | undefined> {
  const statement = {
    name: 'parking_settlement_seen',
    text: `update parking_settlement s set device_seen_at = coalesce(device_seen_at, now())
            where user_id = $1 and settlement_id = $2 returning parking_settlement_view(s) as view`,
  };
  return (await firstRow<{ view: SettlementView }>(db, statement, [userId, settlementId]))?.view;
}

/** Workflows to wake when a stay ends. */
export async function listSettlementsOfStay(
  db: Db,
  operatorId: string,
  sessionId: string,
): Promise<{ userId: string; settlementId: string }[]> {
  const statement = {
    name: 'parking_settlements_of_stay',
    text: `select user_id as "userId", settlement_id as "settlementId" from parking_settlement
            where operator_id = $1 and session_id = $2 and state in ('PAID', 'RELEASE_REQUESTED', 'AWAITING_OPERATOR', 'RELEASED')`,
  };
  return rows<{ userId: string; settlementId: string }>(db, statement, [operatorId, sessionId]);
}

/** What starts the workflow of a settlement again. */
export interface SettlementInNeed {
  readonly operatorId: string;
  readonly placeId: string;
  readonly amount: number;
  readonly currency: string;
  readonly input: SettlementOrder;
}

/** A driver's settlement of which a workflow has still to take care; undefined once there is nothing left to do. */
export async function findSettlementInNeed(
  db: Db,
  { userId, settlementId, at }: { userId: string; settlementId: string; at: Date },
): Promise<SettlementInNeed | undefined> {
  const statement = {
    name: 'parking_settlement_in_need',
    text: `select parking_order(s) as "order" from parking_settlement s
            where user_id = $1 and settlement_id = $2 and parking_needs_workflow(s, $3)`,
  };
  return (await firstRow<{ order: SettlementInNeed }>(db, statement, [userId, settlementId, at]))?.order;
}

/** All of those, or one operator's, in order of their references. */
export async function settlementsInNeed(
  db: Db,
  it: { merchantId?: string | undefined; after: string; limit: number; at: string },
): Promise<SettlementInNeed[]> {
  const statement = {
    name: 'parking_settlements_in_need',
    // What was released weeks ago had its nights; the two parts have an index each.
    text: `
      select parking_order(s) as "order" from parking_settlement s
       where s.settlement_ref in (
               select settlement_ref from parking_settlement
                where state in ('PAYING', 'PAID', 'RELEASE_REQUESTED', 'AWAITING_OPERATOR') or refund_status = 'IN_PROGRESS'
               union all
               select settlement_ref from parking_settlement where released_at > $4::timestamptz - interval '7 days')
         and s.settlement_ref > $1 and ($2::text is null or parking_merchant_id(s.operator_id) = $2)
         and parking_needs_workflow(s, $4)
       order by s.settlement_ref limit $3`,
  };
  const found = await rows<{ order: SettlementInNeed }>(db, statement, [
    it.after,
    it.merchantId ?? null,
    it.limit,
    it.at,
  ]);
  return found.map((row) => row.order);
}

/** One call to an operator's server, whatever came of it. */
export interface OperatorAttempt {
  readonly key: string;
  readonly operation: OperatorOperation;
  readonly url: string;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly statusCode?: number | undefined;
  readonly outcome: string;
  readonly error?: string | undefined;
}

export async function recordOperatorAttempt(
  db: Db,
  operatorId: string,
  attempt: OperatorAttempt,
): Promise<void> {
  const statement = {
    name: 'parking_attempt',
    text: `insert into parking_attempt
             (operator_id, call_key, operation, url, started_at, duration_ms, status_code, outcome, error)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
  };
  await rows(db, statement, [
    operatorId,
    attempt.key,
    attempt.operation,
    attempt.url,
    attempt.startedAt,
    attempt.durationMs,
    attempt.statusCode ?? null,
    attempt.outcome,
    attempt.error ?? null,
  ]);
}

/** The most calls that are listed of one key: more than the schedule of domain/parking makes. */
const MAX_ATTEMPTS_LISTED = 300;

/** Calls to an operator's server under one key, in the order in which they ended. */
export async function listOperatorAttempts(
  db: Db,
  operatorId: string,
  key: string,
): Promise<Record<string, unknown>[]> {
  const statement = {
    name: 'parking_attempts',
    text: `select json_strip_nulls(json_build_object('key', call_key, 'operation', operation, 'url', url,
                    'startedAt', rfc3339(started_at), 'durationMs', duration_ms, 'statusCode', status_code,
                    'outcome', outcome, 'error', error)) as it
             from parking_attempt where operator_id = $1 and call_key = $2 order by attempt_id limit ${MAX_ATTEMPTS_LISTED}`,
  };
  const found = await rows<{ it: Record<string, unknown> }>(db, statement, [operatorId, key]);
  return found.map((row) => row.it);
}
