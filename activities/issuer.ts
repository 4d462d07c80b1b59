import { ApplicationFailure, log } from '@temporalio/activity';
import { findIssuerEndpoint, recordIssuerAttempt } from '../db/issuer.ts';
import type { Pool } from '../db/pool.ts';
import type { Sealer } from '../db/sealed.ts';
import type { IssuerAnswer, IssuerCall } from '../domain/credit/credit.ts';
import { exchange, signedHeaders } from './exchange.ts';
import { readIssuerAnswer } from './issuer-answer.ts';

export interface IssuerActivityDeps {
  readonly pool: Pool;
  readonly sealer: Sealer;
  /** How long one call may take; {@link ISSUER_TIMEOUT_MS} if unset. */
  readonly issuerTimeoutMs?: number;
}

export const ISSUER_TIMEOUT_MS = 5_000;

const PATHS = {
  AUTHORISE: '/v1/authorisations',
  CAPTURE: '/v1/captures',
  VOID: '/v1/voids',
  REFUND: '/v1/refunds',
  REPAYMENT: '/v1/repayments',
} as const satisfies Record<IssuerCall['operation'], string>;

interface SignedCall {
  readonly issuerId: string;
  readonly key: string;
  readonly operation: IssuerCall['operation'] | 'LOOK_UP';
  readonly path: string;
  /** Empty for a look-up, which is a GET. */
  readonly body: string;
}

/** Calls to pay-later issuers, signed after the Standard Webhooks specification (docs/partner-issuer.md). */
export function createIssuerActivities({ pool, sealer, issuerTimeoutMs }: IssuerActivityDeps) {
  const timeoutMs = issuerTimeoutMs ?? ISSUER_TIMEOUT_MS;
  return {
    /**
     * Asks for an operation, once. Whatever the issuer does is a value.
     * @throws ApplicationFailure `IssuerNotAsked` if nothing left this machine
     */
    askIssuer(call: IssuerCall): Promise<IssuerAnswer> {
      const { issuerId, key, operation } = call;
      return send({ issuerId, key, operation, path: PATHS[operation], body: JSON.stringify(bodyOf(call)) });
    },

    /**
     * Asks what became of a key, once.
     * @throws ApplicationFailure `IssuerNotAsked` if nothing left this machine
     */
    lookUpIssuer({ issuerId, key }: { issuerId: string; key: string }): Promise<IssuerAnswer> {
      const path = `/v1/operations/${encodeURIComponent(key)}`;
      return send({ issuerId, key, operation: 'LOOK_UP', path, body: '' });
    },
  };

  async function send(call: SignedCall): Promise<IssuerAnswer> {
    const startedAt = new Date();
    const { baseUrl, headers } = await prepare(call, startedAt);
    const url = baseUrl + call.path;
    const isLookUp = call.operation === 'LOOK_UP';
    const reply = await exchange(url, isLookUp ? undefined : call.body, headers, timeoutMs);
    const operation = call.operation === 'LOOK_UP' ? undefined : call.operation;
    const answer: IssuerAnswer =
      'error' in reply
        ? { kind: 'UNKNOWN', why: reply.error }
        : readIssuerAnswer({ key: call.key, operation }, reply.status, reply.body);
    await recordIssuerAttempt(pool, call.issuerId, {
      key: call.key,
      operation: call.operation,
      url,
      startedAt,
      durationMs: Date.now() - startedAt.getTime(),
      statusCode: 'status' in reply ? reply.status : undefined,
      outcome: answer.kind,
      error: answer.kind === 'UNKNOWN' ? answer.why : undefined,
      released: answer.kind === 'DONE' ? answer.released : undefined,
    }).catch((error: unknown) => {
      // The answer is worth more than its record.
      log.warn('an issuer attempt could not be recorded', { error, key: call.key, outcome: answer.kind });
    });
    return answer;
  }

  async function prepare(call: SignedCall, at: Date) {
    try {
      const endpoint = await findIssuerEndpoint(pool, call.issuerId);
      if (endpoint === undefined) throw new Error(`issuer ${call.issuerId} is not stored`);
      if (endpoint.sealedSecrets.length === 0)
        throw new Error(`issuer ${call.issuerId} has no signing secret`);
      const headers = {
        'user-agent': 'kessai-issuer/1',
        ...signedHeaders(sealer, endpoint.sealedSecrets, { id: call.key, at, body: call.body }),
      };
      return { baseUrl: endpoint.baseUrl, headers };
    } catch (error) {
      throw ApplicationFailure.create({
        type: 'IssuerNotAsked',
        message: error instanceof Error ? error.message : 'nothing was sent',
      });
    }
  }
}

/** What the contract has for each operation, and no more. */
function bodyOf(call: IssuerCall): Record<string, unknown> {
  const { key, accountRef, authorisationKey, amount, currency } = call;
  switch (call.operation) {
    case 'AUTHORISE':
      return { key, accountRef, amount, currency };
    case 'CAPTURE':
    case 'REFUND':
      return { key, authorisationKey, amount };
    case 'VOID':
      return { key, authorisationKey };
    case 'REPAYMENT': {
      const { debtId, repaymentId, paidAt } = call;
      return { key, debtId, repaymentId, amount, currency, paidAt };
    }
  }
}
