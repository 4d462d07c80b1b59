import type { Response } from 'express';
import { once } from 'node:events';
import type { Logger } from 'pino';
import { liveKeys, type Principal } from '../../db/key.ts';
import type { Pool } from '../../db/pool.ts';
import { lastUserEventSeq, listUserEvents, usersBehind, type UserEvent } from '../../db/user-event.ts';
import type { UserEventListener } from '../../db/user-event-listener.ts';

const SWEEP_MS = 5_000;
const HEARTBEAT_MS = 15_000;
const BATCH = 100;
/** A device needs one; more are left behind by reconnects, and the oldest makes way. */
const MAX_STREAMS_OF_KEY = 5;

/** All open event streams of this process. */
export interface UserStreams {
  /** Answers with a stream that begins after `afterSeq`, or now. */
  readonly open: (principal: Principal, afterSeq: number | undefined, response: Response) => Promise<void>;
  readonly count: () => number;
  readonly close: () => Promise<void>;
}

interface Subscriber {
  readonly principal: Principal;
  readonly response: Response;
  seq: number;
  isPumping: boolean;
  isBehind: boolean;
}

/**
 * Server-sent events out of `user_event`. The table is the truth, a NOTIFY only wakes: each stream remembers the number of
 * its last event and reads on from there, and a look every few seconds makes good a wake-up that was lost.
 */
export function createUserStreams(deps: {
  pool: Pool;
  listener: UserEventListener;
  log: Logger;
}): UserStreams {
  const { pool, listener, log } = deps;
  const subscribers = new Map<string, Set<Subscriber>>();

  listener.onWake((userId) => {
    for (const it of userId === undefined ? all() : (subscribers.get(userId) ?? [])) wake(it);
  });
  const sweep = setInterval(() => {
    void catchUp();
  }, SWEEP_MS);
  const heartbeat = setInterval(() => {
    void beat();
  }, HEARTBEAT_MS);

  return {
    async open(principal, afterSeq, response) {
      const userId = principal.tenantId;
      const seq = afterSeq ?? (await lastUserEventSeq(pool, userId));
      // Gone while we asked: its `close` has been and will not come again.
      if (response.destroyed || response.socket?.destroyed !== false) return;
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      });
      response.write('retry: 1000\n\n');
      const subscriber: Subscriber = { principal, response, seq, isPumping: false, isBehind: false };
      const ofUser = subscribers.get(userId) ?? new Set();
      const ofKey = [...ofUser].filter((it) => it.principal.keyId === principal.keyId);
      if (ofKey.length >= MAX_STREAMS_OF_KEY) ofKey[0]?.response.end();
      subscribers.set(userId, ofUser.add(subscriber));
      response.on('close', () => {
        ofUser.delete(subscriber);
        if (ofUser.size === 0 && subscribers.get(userId) === ofUser) subscribers.delete(userId);
      });
      wake(subscriber);
    },
    count: () => all().length,
    async close() {
      clearInterval(sweep);
      clearInterval(heartbeat);
      for (const it of all()) it.response.end();
      await listener.close();
    },
  };

  function all(): Subscriber[] {
    return [...subscribers.values()].flatMap((ofUser) => [...ofUser]);
  }

  function wake(it: Subscriber): void {
    it.isBehind = true;
    if (it.isPumping) return;
    it.isPumping = true;
    pump(it)
      .catch((error: unknown) => {
        log.warn({ err: error }, 'event stream cannot read; the client reconnects');
        it.response.end();
      })
      .finally(() => {
        it.isPumping = false;
        if (it.isBehind && !it.response.writableEnded) wake(it);
      });
  }

  /** Sends what is new until there is nothing more; a slow reader slows only its own stream. */
  async function pump(it: Subscriber): Promise<void> {
    while (it.isBehind && !it.response.writableEnded) {
      it.isBehind = false;
      const events = await listUserEvents(pool, it.principal.tenantId, it.seq, BATCH);
      for (const event of events) {
        it.seq = event.seq;
        if (it.response.destroyed) return;
        if (!it.response.write(format(event))) await drained(it.response);
      }
      if (events.length === BATCH) it.isBehind = true;
    }
  }

  async function catchUp(): Promise<void> {
    const open = all();
    if (open.length === 0) return;
    try {
      const behind = new Set(
        await usersBehind(
          pool,
          open.map((it) => ({ userId: it.principal.tenantId, seq: it.seq })),
        ),
      );
      for (const it of open) if (behind.has(it.principal.tenantId)) wake(it);
    } catch (error) {
      log.warn({ err: error }, 'event streams could not be checked');
    }
  }

  /** Keeps proxies from closing quiet streams, and ends those whose key has been revoked. */
  async function beat(): Promise<void> {
    const open = all();
    if (open.length === 0) return;
    const keyIds = open.map((it) => it.principal.keyId);
    const live = new Set(await liveKeys(pool, keyIds).catch(() => keyIds));
    for (const it of open) {
      if (live.has(it.principal.keyId)) it.response.write(': still here\n\n');
      else it.response.end();
    }
  }
}

/** Until the reader has caught up or is gone. */
async function drained(response: Response): Promise<void> {
  const done = new AbortController();
  const settled = ['drain', 'close'].map((name) =>
    once(response, name, { signal: done.signal }).catch(() => undefined),
  );
  await Promise.race(settled);
  done.abort();
}

function format(event: UserEvent): string {
  return `id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(event.payload)}\n\n`;
}
