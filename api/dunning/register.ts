import type { z } from 'zod';
import { putDebt, type DebtKey } from '../../db/debt.ts';
import type { DebtView } from '../../domain/dunning/debt.ts';
import { DUNNING_POLICY } from '../../domain/dunning/policy.ts';
import type { ApiDeps } from '../deps.ts';
import { requestHash } from '../http/hash.ts';
import { idempotencyMismatch, notFound, Problem } from '../http/problem.ts';
import type { Reply } from '../http/route.ts';
import { batchItem, type BatchResult, type DebtBody } from './schemas.ts';
import { wakeCampaign } from './start.ts';

/** So many items of a batch are under way at once: each takes a connection for a moment. */
const AT_ONCE = 8;

type RegisterDeps = Pick<ApiDeps, 'pool' | 'temporal' | 'taskQueue' | 'log'>;

/** Registers or amends one debt, to its answer. */
export async function registerDebt(deps: ApiDeps, key: DebtKey, body: DebtBody): Promise<Reply> {
  const { result, view } = await store(deps, key, body);
  return {
    status: 200,
    body: result === 'IGNORED' ? { ...view, ignored: 'LOWER_REVISION' } : view,
    headers: result === 'SAME' ? { 'idempotency-hit': 'true' } : {},
  };
}

/**
 * Registers or amends each item by itself; what is wrong with one is its own result. Once Temporal does not answer, the rest is not tried:
 * each would wait as long, and whoever sent it waits for all.
 */
export async function registerBatch(
  deps: RegisterDeps,
  issuerId: string,
  items: readonly unknown[],
): Promise<BatchResult[]> {
  const results: BatchResult[] = [];
  const queue = items.entries();
  let isAway = false;
  const work = async (): Promise<void> => {
    for (const [i, item] of queue) {
      const { isTemporalAway, ...result } = isAway
        ? tryLater(item)
        : await registerItem(deps, issuerId, item);
      isAway ||= isTemporalAway === true;
      results[i] = result;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

function tryLater(raw: unknown): BatchResult & { isTemporalAway?: boolean } {
  return {
    debtId: idOf(raw),
    status: 'REFUSED',
    code: 'UNAVAILABLE',
    detail: 'It was not tried, as campaigns cannot be started now; send it again.',
  };
}

async function registerItem(
  deps: RegisterDeps,
  issuerId: string,
  raw: unknown,
): Promise<BatchResult & { isTemporalAway?: boolean }> {
  const parsed = batchItem.safeParse(raw);
  if (!parsed.success) {
    return {
      debtId: idOf(raw),
      status: 'REFUSED',
      code: 'INVALID_REQUEST',
      detail: describeFaults(parsed.error),
    };
  }
  const { debtId, ...body } = parsed.data;
  try {
    const { result } = await store(deps, { issuerId, debtId }, body);
    return { debtId, ...BATCH_STATUS_OF[result] };
  } catch (error) {
    if (error instanceof Problem) {
      const { code, message: detail } = error;
      return { debtId, status: 'REFUSED', code, detail, isTemporalAway: code === 'UNAVAILABLE' };
    }
    deps.log.error({ err: error }, 'an item of a batch failed');
    return {
      debtId,
      status: 'REFUSED',
      code: 'UNAVAILABLE',
      detail: 'It could not be stored; send it again.',
    };
  }
}

const BATCH_STATUS_OF = {
  CREATED: { status: 'REGISTERED' },
  AMENDED: { status: 'AMENDED' },
  SAME: { status: 'UNCHANGED' },
  IGNORED: {
    status: 'IGNORED',
    code: 'LOWER_REVISION',
    detail: 'A higher revision is known; nothing was changed.',
  },
} as const satisfies Record<string, Omit<BatchResult, 'debtId'>>;

interface Stored {
  readonly result: keyof typeof BATCH_STATUS_OF;
  readonly view: DebtView;
}

async function store(deps: RegisterDeps, key: DebtKey, body: DebtBody): Promise<Stored> {
  const outcome = await putDebt(deps.pool, {
    ...key,
    ...body,
    requestHash: requestHash(body),
    policy: DUNNING_POLICY,
    at: new Date(),
  });
  switch (outcome.result) {
    case 'UNKNOWN_USER':
      throw notFound('user');
    case 'MISMATCH':
      throw idempotencyMismatch('revision');
    case 'FIXED':
      throw new Problem('CONFLICT_STATE', 'User and currency of a debt are fixed when it is registered.');
    case 'CLOSED':
      throw new Problem(
        'CONFLICT_STATE',
        `The debt has ended as ${outcome.view.state}; register another one.`,
      );
    case 'CREATED':
    case 'AMENDED':
    case 'SAME':
    case 'IGNORED':
      // Also for what changed nothing: the request before it may have died before it woke the campaign.
      if (outcome.wake) await wakeCampaign(deps, key, outcome.view.dueOn);
      return { result: outcome.result, view: outcome.view };
  }
}

function describeFaults(error: z.ZodError): string {
  return error.issues
    .map((it) => `${it.path.join('/') || 'item'}: ${it.message}`)
    .join('; ')
    .slice(0, 500);
}

function idOf(raw: unknown): string {
  const id = typeof raw === 'object' && raw !== null && 'debtId' in raw ? raw.debtId : undefined;
  return typeof id === 'string' ? id.slice(0, 64) : '';
}
