import { createHash } from 'node:crypto';
import {
  advanceDebt,
  lockDebtFacts,
  sayOfDebt,
  type DebtAdvance,
  type DebtFacts,
  type DebtKey,
  type DebtWord,
  type SayOutcome,
} from '../db/debt.ts';
import { adoptDunningPolicy, type AdoptOutcome } from '../db/dunning-policy.ts';
import { newId } from '../db/id.ts';
import type { Pool } from '../db/pool.ts';
import { withTransaction } from '../db/tx.ts';
import { assertDefined } from '../domain/assert.ts';
import type { LocalCalendar } from '../domain/dunning/calendar.ts';
import { debtState, type DebtState } from '../domain/dunning/debt.ts';
import { nextContact, type DunningFacts, type NextContact } from '../domain/dunning/next-contact.ts';
import { promiseProtection, type PromiseProtection } from '../domain/dunning/promise.ts';
import { daysBetween, stageName, stageOf, stageText } from '../domain/dunning/stage.ts';
import { repayingUntilMs } from '../domain/repayment/repayment.ts';
import { neutralBody } from '../domain/push/payload.ts';
import { PUSH_TTL_MS } from '../domain/push/send.ts';
import { timeOfTry } from './clock.ts';
import { ledgerCall } from './ledger-call.ts';
import { localCalendar } from './local-calendar.ts';
import type { StartPush } from './push-start.ts';
import { createWaker } from './wake.ts';

export interface DunningActivityDeps {
  readonly pool: Pool;
  /** None: the outbox starts pushes. */
  readonly startPush?: StartPush | undefined;
}

/** How a campaign stands after a step, and what its workflow waits for. No personal data: it is kept in histories. */
export interface CampaignStep {
  readonly state: DebtState;
  readonly contacts: number;
  readonly dueOn: string;
  /** Name of the last message's stage. */
  readonly stage?: string;
  /** Why a promise does not hold reminders off. */
  readonly promiseEnd?: string;
  readonly next?: {
    readonly at: string;
    readonly kind: NextContact['kind'];
    readonly reason: string;
    readonly deferrals: readonly { readonly reason: string; readonly until: string }[];
  };
  /** The event of the end that is to be delivered. */
  readonly webhookEventId?: string;
}

/** The steps of a campaign. Each is one transaction under the debt's lock, so asking again finds what it did. */
export function createDunningActivities({ pool, startPush }: DunningActivityDeps) {
  const wake = createWaker(pool);

  return {
    /**
     * Does what is due: sends a message if the debt is still open at that moment, or ends the campaign, and says what comes next.
     * Undefined if there is no such debt.
     */
    async stepCampaign({
      askedAt,
      ...debt
    }: DebtKey & { askedAt: string }): Promise<CampaignStep | undefined> {
      const at = timeOfTry(askedAt);
      const done = await ledgerCall(
        pool,
        (db, now: string) =>
          withTransaction(db, async (tx) => {
            const facts = await lockDebtFacts(tx, debt);
            if (facts === undefined) return undefined;
            const decided = decide(debt, facts, now);
            if (decided.advance === undefined) return decided;
            const { webhookEventId, isPushDue } = await advanceDebt(tx, {
              ...debt,
              at: now,
              ...decided.advance,
            });
            return {
              ...decided,
              isPushDue,
              step: { ...decided.step, ...(webhookEventId === null ? {} : { webhookEventId }) },
            };
          }),
        at,
      );
      const message = done?.advance?.message;
      if (done === undefined || message === undefined) return done?.step;
      wake({ userId: done.userId, replayed: false });
      // The outbox makes good what fails here.
      if (done.isPushDue === true) await startPush?.(message.messageId).catch(() => undefined);
      return done.step;
    },

    /** Moves a debt to another version of its issuer's rules; who wanted it is kept with it. */
    async adoptPolicy({
      askedAt,
      ...it
    }: DebtKey & { version: string; actor: string; askedAt: string }): Promise<AdoptOutcome> {
      return ledgerCall(pool, adoptDunningPolicy, { ...it, at: timeOfTry(askedAt) });
    },

    /** Carries out what an operator says of a debt; the reason and who it was are kept with it. */
    async obeyOperator({
      askedAt,
      ...word
    }: DebtKey & DebtWord & { askedAt: string }): Promise<SayOutcome['result']> {
      const said = await ledgerCall(pool, sayOfDebt, { ...word, at: timeOfTry(askedAt) });
      return said.result;
    },
  };
}

/** What follows from the facts: how the campaign stands then, and what is to be written of it; nothing once it has ended. */
interface Decided {
  readonly userId: string;
  readonly step: CampaignStep;
  /** Its message is to be pushed. */
  readonly isPushDue?: boolean;
  readonly advance?: Omit<DebtAdvance, 'issuerId' | 'debtId' | 'at'>;
}

function decide(debt: DebtKey, found: DebtFacts, now: string): Decided {
  const nowMs = Date.parse(now);
  const { policy, dueOn, userId } = found;
  const calendar = localCalendar(found.timeZone, policy);
  const stage = found.lastStage === null ? {} : { stage: stageName(policy.stages, found.lastStage) };
  const contacts = found.sentMs.length;
  if (found.isClosed) {
    const webhookEventId = found.webhookEventId ?? undefined;
    const step: CampaignStep = {
      state: found.state,
      contacts,
      dueOn,
      ...stage,
      ...(webhookEventId === undefined ? {} : { webhookEventId }),
    };
    return { userId, step };
  }
  const promise = protection(found, calendar, nowMs);
  const facts = factsOf(found, promise, nowMs);
  const next = nextContact(facts, policy, calendar, nowMs);
  if (next.atMs > nowMs) {
    const plan = planOf(facts, promise, next, nowMs);
    return { userId, step: { ...plan.step, contacts, dueOn, ...stage }, advance: plan.advance };
  }
  if (next.kind === 'EXHAUSTED') {
    const step: CampaignStep = { state: 'EXHAUSTED', contacts, dueOn, ...stage };
    return { userId, step, advance: { isExhausted: true } };
  }
  const message = messageOf(debt, found, calendar, nowMs);
  const sent = { ...facts, sentMs: [...facts.sentMs, nowMs] };
  const plan = planOf(sent, promise, nextContact(sent, policy, calendar, nowMs), nowMs);
  return {
    userId,
    step: { ...plan.step, contacts: contacts + 1, dueOn, stage: stageName(policy.stages, message.stage) },
    advance: { ...plan.advance, message },
  };
}

function protection(found: DebtFacts, calendar: LocalCalendar, nowMs: number): PromiseProtection | undefined {
  const promises = found.promises.map((it) => ({
    promisedMs: it.promisedMs ?? 0,
    payOn: it.payOn ?? undefined,
    paymentsStopped: it.paymentsStopped ?? false,
    replacedMs: it.replacedMs ?? undefined,
  }));
  return promiseProtection(promises, found.paidMs, found.policy, calendar, nowMs);
}

function factsOf(found: DebtFacts, promise: PromiseProtection | undefined, nowMs: number): DunningFacts {
  return {
    registeredMs: found.registeredMs,
    dueOn: found.dueOn,
    sentMs: found.sentMs,
    lastOpenedMs: found.lastOpenedMs ?? undefined,
    holdUntilMs: found.holdUntilMs ?? undefined,
    promisedUntilMs: promise?.protects === true ? promise.untilMs : undefined,
    noticedMs: found.noticedMs,
    repayingUntilMs:
      found.repayingSinceMs === null ? undefined : repayingUntilMs(found.repayingSinceMs, nowMs),
  };
}

function planOf(
  facts: DunningFacts,
  promise: PromiseProtection | undefined,
  next: NextContact,
  nowMs: number,
) {
  const state = debtState(facts, promise, nowMs);
  const at = rfc3339(next.atMs);
  const deferrals = next.deferrals.map((it) => ({ reason: it.reason, until: rfc3339(it.untilMs) }));
  return {
    step: {
      state,
      ...(promise?.protects === false ? { promiseEnd: promise.why } : {}),
      next: { at, kind: next.kind, reason: next.reason, deferrals },
    },
    advance: { isExhausted: false, state, nextAt: at, nextReason: next.reason, deferrals },
  };
}

/** The message leads straight to paying; what it says is as of now. */
function messageOf({ issuerId, debtId }: DebtKey, found: DebtFacts, calendar: LocalCalendar, nowMs: number) {
  const { policy, dueOn, remaining: amount, currency } = found;
  const messageId = newId('msg');
  const daysOverdue = daysBetween(dueOn, calendar.dayAt(nowMs).day);
  const stage = stageOf(policy.stages, daysOverdue, found.lastStage ?? undefined);
  const { title, body } = stageText(assertDefined(policy.stages[stage]), found.locale, {
    amount,
    currency,
    dueOn,
  });
  return {
    messageId,
    stage,
    title,
    body,
    link: `/wallet/repay/${debtId}?message=${messageId}`,
    pushBody: neutralBody(found.locale),
    pushTopic: campaignTopic(issuerId, debtId),
    pushUntil: rfc3339(nowMs + PUSH_TTL_MS.DUNNING),
  };
}

/** Names a campaign to push services, who learn nothing by it (RFC 8030 section 5.4: at most 32 characters of base64url). */
function campaignTopic(issuerId: string, debtId: string): string {
  return createHash('sha256').update(`${issuerId}/${debtId}`).digest('base64url').slice(0, 32);
}

function rfc3339(atMs: number): string {
  return new Date(atMs).toISOString();
}
