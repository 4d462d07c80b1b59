import { newId } from '../../db/id.ts';
import { findTill } from '../../db/merchant.ts';
import { findDecision } from '../../db/payment.ts';
import { CODE_FAULT_TEXT, parseCode, type CodeMode } from '../../domain/code/format.ts';
import { splitOfflineBody } from '../../domain/code/offline.ts';
import type { PaymentView } from '../../domain/payment/payment.ts';
import type { PaymentInput } from '../../workflows/payment/contract.ts';
import type { ApiDeps } from '../deps.ts';
import { requestHash } from '../http/hash.ts';
import { idempotencyMismatch, invalidRequest, notFound, Problem, type Fault } from '../http/problem.ts';
import type { Reply } from '../http/route.ts';
import { pendingOrUnavailable } from '../workflow-start.ts';
import type { PaymentRequest } from './schemas.ts';
import { findPendingPayment, startPayment } from './start.ts';

/** A till's request, to its three-valued answer: decided (200), in progress (202), or an error that changed nothing. */
export async function submitPayment(
  deps: ApiDeps,
  merchantId: string,
  body: PaymentRequest,
  attemptId: string,
): Promise<Reply> {
  const { code, ...rest } = body;
  const codeDigest = deps.digestCode(code);
  const older = deps.digestCode.older(code);
  const hashOf = (digest: string): string => requestHash({ ...rest, codeDigest: digest });
  const request = {
    ...rest,
    codeDigest,
    ...(older.length === 0 ? {} : { olderCodeDigests: older }),
    requestHash: hashOf(codeDigest),
    attemptId,
  };
  // The first time may have been before the pepper changed.
  const asked = { attemptId, requestHashes: [request.requestHash, ...older.map(hashOf)] };
  const checked = await check(deps, merchantId, body);
  if (checked.kind === 'refused') {
    // What was decided once is answered for good, also if the till or its store is gone by now.
    const decided = await findDecision(deps.pool, merchantId, body.merchantPaymentId);
    if (decided !== undefined) return decidedReply(decided, asked);
    throw checked.problem;
  }
  const { codeMode, offlineHandle } = checked;
  const input: PaymentInput = { ...request, merchantId, codeMode, offlineHandle, paymentId: newId('pay') };
  const started = await startPayment(input, deps);
  if (started.kind === 'decided') {
    return decidedReply(started.outcome, asked);
  }
  const stored = await findDecision(deps.pool, merchantId, input.merchantPaymentId);
  if (stored !== undefined) return decidedReply(stored, asked);

  const pending = await pendingOrUnavailable(deps, 'payment', started.cause, () =>
    findPendingPayment(deps.temporal, merchantId, input.merchantPaymentId),
  );
  if (!asked.requestHashes.includes(pending.requestHash)) throw idempotencyMismatch('merchantPaymentId');
  return inProgressReply(pending.view);
}

/** 202 with the place to ask again. */
export function inProgressReply(view: PaymentView): Reply {
  return {
    status: 202,
    body: view,
    headers: { location: `/v1/payments/${view.merchantPaymentId}`, 'retry-after': '2' },
  };
}

function decidedReply(
  outcome: { view: PaymentView; requestHash: string | null; attemptId: string | null },
  asked: { requestHashes: readonly string[]; attemptId: string },
): Reply {
  if (!asked.requestHashes.includes(outcome.requestHash ?? ''))
    throw idempotencyMismatch('merchantPaymentId');
  // On credit, and the issuer has not spoken yet.
  if (outcome.view.status === 'IN_PROGRESS') return inProgressReply(outcome.view);
  const isRepeat = outcome.attemptId !== asked.attemptId;
  return { status: 200, body: outcome.view, headers: isRepeat ? { 'idempotency-hit': 'true' } : {} };
}

type Checked =
  | { readonly kind: 'fine'; readonly codeMode: CodeMode; readonly offlineHandle: string | undefined }
  | { readonly kind: 'refused'; readonly problem: Problem };

/** What can be known to be wrong before anything is started. */
async function check(deps: ApiDeps, merchantId: string, body: PaymentRequest): Promise<Checked> {
  const parsed = parseCode(body.code, deps.codePrefix);
  const till = await findTill(deps.pool, merchantId, body.storeId, body.terminalId);
  const faults: Fault[] = [];
  if (parsed.kind === 'fault') {
    faults.push({
      pointer: '/code',
      code: `CODE_${parsed.fault}`,
      detail: CODE_FAULT_TEXT[parsed.fault],
      in: 'body',
    });
  }
  if (till.currency !== null && till.currency !== body.currency) {
    const detail = `This merchant is paid in ${till.currency}.`;
    faults.push({ pointer: '/currency', code: 'WRONG_CURRENCY', detail, in: 'body' });
  }
  if (parsed.kind === 'fault' || faults.length > 0)
    return { kind: 'refused', problem: invalidRequest(faults) };
  if (till.currency === null) return { kind: 'refused', problem: notFound('merchant') };
  if (!till.storeKnown) return { kind: 'refused', problem: notFoundIn('/storeId', 'store') };
  if (!till.terminalKnown) return { kind: 'refused', problem: notFoundIn('/terminalId', 'terminal') };
  const offlineHandle = parsed.mode === 'OFFLINE' ? splitOfflineBody(parsed.body).handle : undefined;
  return { kind: 'fine', codeMode: parsed.mode, offlineHandle };
}

function notFoundIn(pointer: string, what: string): Problem {
  return new Problem('NOT_FOUND', `There is no such ${what}.`, {
    faults: [{ pointer, code: 'NOT_FOUND', detail: `This merchant has no such ${what}.`, in: 'body' }],
  });
}
