import { describe, expect, it } from 'vitest';
import {
  askAgainAtMs,
  ISSUER_RETRY,
  isRejection,
  nextIssuerStep,
  paymentOperationKeys,
  refundOperationKey,
  voidOf,
} from '../../../domain/credit/credit.ts';

describe('an unknown outcome', () => {
  it('is asked about fast, then after 5 minutes, an hour and daily for 5 days, each time counted from the answer before', () => {
    const at: number[] = [];
    for (let nowMs = 0, asked = 1; ; asked += 1) {
      const nextMs = askAgainAtMs(ISSUER_RETRY, { asked, answeredAtMs: nowMs });
      if (nextMs === undefined) break;
      at.push(nextMs);
      nowMs = nextMs;
    }
    const fast = [500, 1_500, 3_500, 7_500, 15_500, 30_500, 60_500];
    const hourMs = 3_600_000;
    const first = 60_500 + 300_000;
    const later = [0, 24, 48, 72, 96, 120].map((hours) => first + hourMs + hours * hourMs);
    expect(at).toEqual([...fast, first, ...later]);
  });
});

describe('an answer', () => {
  it.each(['AUTHORISE', 'CAPTURE', 'VOID', 'REFUND'] as const)('that is known ends a %s', (operation) => {
    for (const way of ['CALL', 'LOOK_UP'] as const) {
      expect(nextIssuerStep(operation, way, 'DONE')).toBe('END');
      expect(nextIssuerStep(operation, way, 'REFUSED')).toBe('END');
      expect(nextIssuerStep(operation, way, 'UNKNOWN')).toBe('ASK_LATER');
    }
    expect(nextIssuerStep(operation, 'CALL', 'NOT_FOUND')).toBe('ASK_LATER');
  });

  it('that a key is not found ends an authorisation by a void, and sends again what must happen', () => {
    expect(nextIssuerStep('AUTHORISE', 'LOOK_UP', 'NOT_FOUND')).toBe('VOID_THEN_END');
    for (const operation of ['CAPTURE', 'VOID', 'REFUND'] as const) {
      expect(nextIssuerStep(operation, 'LOOK_UP', 'NOT_FOUND')).toBe('SEND_AGAIN');
    }
  });

  it('that rejects the request itself is final, except where only our signature is not believed', () => {
    expect([400, 413, 415, 422].every((status) => isRejection('CAPTURE', status))).toBe(true);
    expect([401, 403].map((status) => isRejection('AUTHORISE', status))).toEqual([true, true]);
    expect([401, 403].map((status) => isRejection('CAPTURE', status))).toEqual([false, false]);
    expect([404, 408, 409, 425, 429, 500, 503].some((status) => isRejection('AUTHORISE', status))).toBe(
      false,
    );
  });
});

describe('keys', () => {
  it('name the operation, and a void made for an unknown authorisation is the one a cancel makes', () => {
    const keys = paymentOperationKeys('m', 'p');
    expect(keys).toMatchObject({
      authorise: 'payment:m:p:authorise',
      capture: 'payment:m:p:capture',
      void: 'payment:m:p:void',
    });
    const call = {
      issuerId: 'i',
      key: keys.authorise,
      operation: 'AUTHORISE',
      accountRef: 'r',
      amount: 1,
    } as const;
    expect(voidOf(call)).toEqual({
      issuerId: 'i',
      key: keys.void,
      operation: 'VOID',
      authorisationKey: keys.authorise,
    });
    expect(refundOperationKey('m', 'r')).toBe('refund:m:r:refund');
  });
});
