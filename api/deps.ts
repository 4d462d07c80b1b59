import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Pool } from '../db/pool.ts';
import type { Sealer } from '../db/sealed.ts';
import type { OperatorCaller } from '../domain/parking/operator-call.ts';
import type { CodeDigester } from '../db/code-digest.ts';
import type { RateLimits } from './http/rate-limit.ts';
import type { UserStreams } from './me/streams.ts';
import type { EagerStarts } from './workflow-start.ts';

/** What browsers need to subscribe, and where they may. */
export interface PushSettings {
  /** VAPID, base64url. */
  readonly publicKey: string;
  readonly hosts: readonly string[];
}

/** Everything the API works with; `serve.ts` makes the real ones, tests theirs. */
export interface ApiDeps {
  readonly pool: Pool;
  readonly temporal: Client;
  readonly taskQueue: string;
  readonly sealer: Sealer;
  readonly digestCode: CodeDigester;
  readonly codePrefix: string;
  /** Asks parking operators' servers for fees. */
  readonly callOperator: OperatorCaller;
  readonly streams: UserStreams;
  readonly log: Logger;
  /** How long a till waits before it hears IN_PROGRESS. */
  readonly tillDeadlineMs: number;
  readonly rateLimits: RateLimits;
  /** Push messages, where they are set up. */
  readonly push?: PushSettings | undefined;
  /** Where a worker for payments runs in this process. */
  readonly eager?: EagerStarts;
  /** What else `/metrics` shows, in Prometheus' text format. */
  readonly moreMetrics?: () => Promise<string>;
}

export const TILL_DEADLINE_MS = 2_500;
