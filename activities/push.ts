import { ApplicationFailure, Context } from '@temporalio/activity';
import webPush from 'web-push';
import type { Pool } from '../db/pool.ts';
import type { Sealer } from '../db/sealed.ts';
import {
  beginPush,
  claimPush,
  concludePush,
  recordPush,
  type PushEnd,
  type PushOrder,
  type PushOutcome,
  type PushPlan,
} from '../db/push.ts';
import { pushTargetContext, type PushTarget } from '../db/push-subscription.ts';
import { pushEndpointFault } from '../domain/push/endpoint.ts';
import { pushPayload } from '../domain/push/payload.ts';
import { PUSH_RETRY, pushReaction, type PushReaction } from '../domain/push/send.ts';
import type { PushSettings } from '../domain/push/vapid.ts';
import { ledgerCall } from './ledger-call.ts';
import { post } from './post.ts';

export type { PushOutcome };

export interface PushActivityDeps {
  readonly pool: Pool;
  readonly sealer: Sealer;
  /** None: push is off. */
  readonly push?: PushSettings | undefined;
}

const POST_TIMEOUT_MS = 10_000;
/** Longer than a try can take, so that two at once are one. */
const CLAIM_MS = 60_000;

interface Delivery {
  readonly messageId: string;
  readonly pushId: string;
}

interface Answer {
  readonly statusCode?: number;
  readonly error?: string;
  readonly retryAfterMs?: number;
}

/** Messages of the inbox to browsers, as Web Push (RFC 8030, 8291, 8292). */
export function createPushActivities({ pool, sealer, push }: PushActivityDeps) {
  return {
    /** Begins, once; where push is off, the message goes nowhere. Undefined if there is no such message. */
    async beginPush({ messageId }: { messageId: string; askedAt: string }): Promise<PushPlan | undefined> {
      const plan = await ledgerCall(pool, beginPush, messageId);
      return plan === undefined || push !== undefined ? plan : { ...plan, pushIds: [] };
    },

    /**
     * One try to one browser, right after a look at whether the message is still wanted.
     * @throws ApplicationFailure `PushNotTaken` with the delay until the next try
     */
    async sendPush(delivery: Delivery): Promise<PushEnd> {
      const { info } = Context.current();
      // What the try before heard and could not keep.
      const heard = info.heartbeatDetails as Answered | undefined;
      if (heard !== undefined) return keep(delivery, heard);
      // The server's time, which tests skip, unless this try has waited for a worker.
      const nowMs = Math.max(info.currentAttemptScheduledTimestampMs, Date.now());
      const claim = await claimPush(pool, {
        ...delivery,
        at: new Date(nowMs),
        until: new Date(nowMs + CLAIM_MS),
      });
      switch (claim.kind) {
        case 'DONE':
          return claim.status;
        case 'BUSY':
          throw notTaken('another try is under way', PUSH_RETRY.firstDelayMs);
        case 'SEND':
          return attempt(delivery, claim, nowMs);
      }
    },

    /** Ends what has not ended, and says how the message fared. */
    async concludePush(messageId: string): Promise<PushOutcome | undefined> {
      return ledgerCall(pool, concludePush, messageId);
    },
  };

  async function attempt(delivery: Delivery, order: PushOrder, nowMs: number): Promise<PushEnd> {
    const startedAt = new Date(nowMs);
    const before = performance.now();
    const answer = await send(order, delivery.pushId, nowMs);
    const durationMs = Math.round(performance.now() - before);
    const { statusCode, error, retryAfterMs } = answer;
    const reaction = pushReaction({
      statusCode: answer.isRefused === true ? 0 : statusCode,
      retryAfterMs,
      triesDone: order.triesDone + 1,
      isShort: order.isShort,
      nowMs: nowMs + durationMs,
      untilMs: Date.parse(order.until),
      random: Math.random(),
    });
    const tried = { startedAt, durationMs, statusCode, error };
    if (reaction.kind !== 'RETRY' && reaction.kind !== 'SHORTEN') {
      const answered: Answered = { ...tried, startedAt: startedAt.toISOString(), outcome: reaction.kind };
      // A service that has taken it is not asked again because we could not write that down.
      Context.current().heartbeat(answered);
      return keep(delivery, answered);
    }
    await recordPush(pool, { ...delivery, ...tried, outcome: reaction.kind });
    if (reaction.kind === 'RETRY') throw notTaken(error ?? `answered ${statusCode ?? 0}`, reaction.delayMs);
    return attempt(delivery, { ...order, isShort: true, triesDone: order.triesDone + 1 }, nowMs + durationMs);
  }

  async function keep(delivery: Delivery, it: Answered): Promise<PushEnd> {
    await recordPush(pool, { ...delivery, ...it, startedAt: new Date(it.startedAt) });
    return it.outcome;
  }

  /** Posts what web-push has encrypted and signed. */
  async function send(
    { sealed, message, showAmounts, isShort, until }: PushOrder,
    pushId: string,
    nowMs: number,
  ): Promise<Answer & { isRefused?: true }> {
    const target = JSON.parse(
      sealer.open(Buffer.from(sealed, 'hex'), pushTargetContext(pushId)).toString(),
    ) as PushTarget;
    if (push === undefined) return { error: 'push is off', isRefused: true };
    // The list may have changed since the browser subscribed.
    const fault = pushEndpointFault(target.endpoint, push.hosts);
    if (fault !== undefined) return { error: fault, isRefused: true };
    const { headers, body } = webPush.generateRequestDetails(
      target,
      pushPayload(message, { showAmounts, isShort }),
      {
        vapidDetails: push.vapid,
        TTL: Math.max(0, Math.floor((Date.parse(until) - nowMs) / 1000)),
        urgency: 'normal',
        topic: message.topic,
      },
    );
    const { 'Content-Length': _, ...sent } = headers as Record<string, string>;
    return post(target.endpoint, new Uint8Array(body), sent, POST_TIMEOUT_MS);
  }
}

/** An answer that ends a delivery, as it is kept between tries. */
interface Answered {
  readonly startedAt: string;
  readonly durationMs: number;
  readonly statusCode?: number | undefined;
  readonly error?: string | undefined;
  readonly outcome: Exclude<PushReaction['kind'], 'RETRY' | 'SHORTEN'>;
}

function notTaken(message: string, delayMs: number): ApplicationFailure {
  return ApplicationFailure.create({ type: 'PushNotTaken', message, nextRetryDelay: delayMs });
}
