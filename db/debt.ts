import type { DebtOrder, DebtState, DebtView, MessageEventType } from '../domain/dunning/debt.ts';
import type { DunningPolicy } from '../domain/dunning/policy.ts';
import type { PromiseToPay } from '../domain/dunning/promise.ts';
import { firstRow, oneRow, rows, type Db } from './pool.ts';

/** A debt by its issuer's own id. */
export interface DebtKey {
  readonly issuerId: string;
  readonly debtId: string;
}

/** How a call about a debt ended. */
export interface DebtOutcomeOf<Result extends string, View = DebtView> {
  readonly result: Result;
  readonly view: View;
  /** Its workflow has something to do about it. */
  readonly wake: boolean;
}

export type PutDebtOutcome =
  | DebtOutcomeOf<'CREATED' | 'AMENDED' | 'SAME' | 'IGNORED' | 'MISMATCH' | 'FIXED' | 'CLOSED'>
  | DebtOutcomeOf<'UNKNOWN_USER', null>;

/** Registers a debt, or amends it by a higher revision. A new one keeps its issuer's rules of that moment; `policy` is for an issuer that has none. */
export async function putDebt(
  db: Db,
  debt: DebtKey & DebtOrder & { requestHash: string; policy: DunningPolicy; at: Date },
): Promise<PutDebtOutcome> {
  return call(db, { name: 'debt_put', text: 'select debt_put($1::jsonb) as outcome' }, debt);
}

export type RepayOutcome =
  /** `ofWallet`: it was on its way to the issuer, whose word has just completed it. */
  | (DebtOutcomeOf<'BOOKED' | 'SAME'> & { readonly ofWallet?: boolean })
  | (DebtOutcomeOf<'WAITING' | 'WAITING_SAME' | 'MISMATCH', null> & { readonly ofWallet?: undefined });

/** Books what a user has paid of a debt, also of one that is not registered yet. */
export async function repayDebt(
  db: Db,
  repayment: DebtKey & {
    repaymentId: string;
    amount: number;
    paidAt: string;
    requestHash: string;
    at: Date;
  },
): Promise<RepayOutcome> {
  return call(db, { name: 'debt_repay', text: 'select debt_repay($1::jsonb) as outcome' }, repayment);
}

/** What can be said of an open debt, and by whom: `issuer` or an operator's name. */
export type DebtWord = { readonly actor: string; readonly reason?: string } & (
  | { readonly kind: 'WITHDRAW' }
  | { readonly kind: 'RELEASE' }
  | { readonly kind: 'HOLD'; readonly reason: string; readonly until: string }
  | {
      readonly kind: 'PROMISE';
      readonly payOn?: string | undefined;
      readonly paymentsStopped: boolean;
    }
);

export type SayOutcome = DebtOutcomeOf<'DONE' | 'SAME' | 'CLOSED'> | DebtOutcomeOf<'UNKNOWN', null>;

export async function sayOfDebt(
  db: Db,
  word: DebtKey & DebtWord & { readonly at: Date | string },
): Promise<SayOutcome> {
  return call(db, { name: 'debt_say', text: 'select debt_say($1::jsonb) as outcome' }, word);
}

export async function findDebt(db: Db, { issuerId, debtId }: DebtKey): Promise<DebtView | undefined> {
  const statement = {
    name: 'debt_find',
    text: 'select debt_view(d) as view from debt d where issuer_id = $1 and debt_id = $2',
  };
  return (await firstRow<{ view: DebtView }>(db, statement, [issuerId, debtId]))?.view;
}

/** A user's debt of that id; where two issuers use the same one, the debt that is open or was registered last. */
export async function findDebtOfUser(db: Db, userId: string, debtId: string): Promise<DebtView | undefined> {
  const statement = {
    name: 'debt_find_of_user',
    text: `select debt_view(d) as view from debt d where user_id = $1 and debt_id = $2
            order by (closed_at is null) desc, registered_at desc limit 1`,
  };
  return (await firstRow<{ view: DebtView }>(db, statement, [userId, debtId]))?.view;
}

/** Open debts whose campaign is late by minutes, or has never looked at its debt: its workflow is not there, or hangs. */
export async function listCampaignsLost(db: Db, limit: number): Promise<DebtKey[]> {
  const statement = {
    name: 'debt_lost',
    text: `select issuer_id as "issuerId", debt_id as "debtId" from debt
            where closed_at is null
              and (next_at < now() - interval '10 minutes' or next_at is null and registered_at < now() - interval '1 minute')
            order by next_at limit $1`,
  };
  return rows<DebtKey & Record<string, unknown>>(db, statement, [limit]);
}

/** What the rules decide by, as it is under the debt's lock. Times are milliseconds since 1970. */
export interface DebtFacts {
  readonly state: DebtState;
  readonly isClosed: boolean;
  readonly userId: string;
  readonly locale: string;
  readonly timeZone: string;
  readonly remaining: number;
  readonly currency: string;
  readonly dueOn: string;
  readonly policy: DunningPolicy;
  readonly lastStage: number | null;
  readonly registeredMs: number;
  readonly holdUntilMs: number | null;
  readonly sentMs: readonly number[];
  readonly lastOpenedMs: number | null;
  /** Payments since the last message with which the user was told of the debt; the last hundred of them. */
  readonly noticedMs: readonly number[];
  readonly promises: readonly { readonly [Key in keyof PromiseToPay]: PromiseToPay[Key] | null }[];
  /** When the oldest repayment that is on its way to the issuer was asked for. */
  readonly repayingSinceMs: number | null;
  readonly paidMs: readonly number[];
  /** The event of the debt's end, if it has ended and its issuer has not been told. */
  readonly webhookEventId: string | null;
}

/** Takes the debt's lock to the end of the transaction; undefined if there is no such debt. */
export async function lockDebtFacts(tx: Db, { issuerId, debtId }: DebtKey): Promise<DebtFacts | undefined> {
  const statement = { name: 'debt_facts', text: 'select debt_facts($1, $2) as facts' };
  const found = await oneRow<{ facts: DebtFacts | null }>(tx, statement, [issuerId, debtId]);
  return found.facts ?? undefined;
}

/** What the rules decided: a message, or the end, or only what comes next. */
export interface DebtAdvance extends DebtKey {
  readonly at: string;
  readonly message?: {
    readonly messageId: string;
    readonly stage: number;
    readonly title: string;
    readonly body: string;
    readonly link: string;
    readonly pushBody: string;
    readonly pushTopic: string;
    readonly pushUntil: string;
  };
  readonly isExhausted: boolean;
  readonly state?: DebtState;
  readonly nextAt?: string;
  readonly nextReason?: string;
  readonly deferrals?: readonly { readonly reason: string; readonly until: string }[];
}

/** Carries it out, in the transaction of {@link lockDebtFacts}. */
export async function advanceDebt(
  tx: Db,
  advance: DebtAdvance,
): Promise<{ readonly webhookEventId: string | null; readonly isPushDue: boolean }> {
  return call(tx, { name: 'debt_advance', text: 'select debt_advance($1::jsonb) as outcome' }, advance);
}

export interface InboxMessage {
  readonly messageId: string;
  readonly kind: 'DUNNING' | 'PAYMENT';
  readonly title: string;
  readonly body: string;
  readonly link: string;
  readonly debtId?: string;
  readonly paymentId?: string;
  readonly createdAt: string;
  readonly displayedAt?: string;
  readonly openedAt?: string;
}

/** Where a page of an inbox goes on; `at` keeps Postgres' microseconds. */
export interface MessageCursor {
  readonly at: string;
  readonly messageId: string;
}

/** A user's messages, newest first. */
export async function listMessages(
  db: Db,
  userId: string,
  limit: number,
  after: MessageCursor | undefined,
): Promise<{ items: InboxMessage[]; next: MessageCursor | undefined }> {
  const statement = {
    name: 'message_list',
    text: `select message_view(m) as view, cursor_time(m.sent_at) as at from debt_message m
            where m.user_id = $1 and ($3::timestamptz is null or (m.sent_at, m.message_id) < ($3, $4))
            order by m.sent_at desc, m.message_id desc limit $2`,
  };
  const found = await rows<{ view: InboxMessage; at: string }>(db, statement, [
    userId,
    limit + 1,
    after?.at ?? null,
    after?.messageId ?? null,
  ]);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const next =
    found.length > limit && last !== undefined ? { at: last.at, messageId: last.view.messageId } : undefined;
  return { items: page.map((row) => row.view), next };
}

export type MessageHeard =
  | { readonly result: 'UNKNOWN' }
  | ({
      readonly result: 'NEW' | 'SAME' | 'MISMATCH';
      readonly view: InboxMessage;
      readonly wake: boolean;
    } & DebtKey);

/** Keeps what a device says of a message of its user, once per `eventId`. */
export async function hearOfMessage(
  db: Db,
  event: {
    messageId: string;
    userId: string;
    deviceId: string;
    eventId: string;
    type: MessageEventType;
    at: string;
    receivedAt: Date;
  },
): Promise<MessageHeard> {
  return call(db, { name: 'message_heard', text: 'select message_heard($1::jsonb) as outcome' }, event);
}

async function call<Outcome>(
  db: Db,
  statement: { name: string; text: string },
  request: object,
): Promise<Outcome> {
  return (await oneRow<{ outcome: Outcome }>(db, statement, [JSON.stringify(request)])).outcome;
}
