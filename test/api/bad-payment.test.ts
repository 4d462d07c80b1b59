import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_CODE_PREFIX, formatCode } from '../../domain/code/format.ts';
import { startEdge, type Edge, type ProblemBody } from '../support/edge.ts';
import { paymentBody } from '../support/givens.ts';

let stack: Edge['stack'];
let merchant: Edge['merchant'];
let refused: Edge['refused'];

beforeAll(async () => {
  ({ stack, merchant, refused } = await startEdge());
});
afterAll(() => stack.stop());

const code = formatCode(DEFAULT_CODE_PREFIX, 'ONLINE', '1234567890123456');

describe('a payment request', () => {
  const amounts: [string, unknown][] = [
    ['zero', 0],
    ['negative', -1],
    ['fractional', 1.5],
    ['text', '100'],
    ['null', null],
    ['beyond the limit', 1_000_000_000_000],
    ['unsafe', 2 ** 53],
    ['a list', [1]],
    ['true', true],
  ];
  it.each(amounts)('with an amount that is %s is refused', async (_, amount) => {
    const answer = await refused(
      () => merchant.call<ProblemBody>('POST', '/v1/payments', { ...paymentBody({ code }), amount }),
      400,
      'INVALID_REQUEST',
    );
    expect(answer.body.errors).toMatchObject([{ pointer: '/amount' }]);
  });

  it.each([
    ['NaN', 'NaN'],
    ['an integer beyond a double', '9007199254740993'],
    ['huge', '1e400'],
    ['hexadecimal', '0x10'],
  ])('with an amount written %s is refused', async (_, text) => {
    const body = JSON.stringify({ ...paymentBody({ code }), amount: 424242 }).replace('424242', text);
    await refused(() => merchant.call<ProblemBody>('POST', '/v1/payments', body), 400, 'INVALID_REQUEST');
  });

  const codes: [string, string, string][] = [
    ['of 23 digits', code.slice(1), 'CODE_LENGTH'],
    ['of 25 digits', `${code}1`, 'CODE_LENGTH'],
    ['with a bad check digit', code.slice(0, 23) + String((Number(code[23]) + 1) % 10), 'CODE_CHECK_DIGIT'],
    ['with letters', `x${code.slice(1)}`, 'CODE_NOT_DIGITS'],
    ['of another issuer', formatCode('123456', 'ONLINE', '1'.repeat(16)), 'CODE_PREFIX'],
  ];
  it.each(codes)('with a code %s is refused', async (_, wrong, fault) => {
    const answer = await refused(
      () => merchant.call<ProblemBody>('POST', '/v1/payments', paymentBody({ code: wrong })),
      400,
      'INVALID_REQUEST',
    );
    expect(answer.body.errors).toMatchObject([{ pointer: '/code', code: fault }]);
  });

  it.each(['jpy', 'YEN!', '', 392, 'USD', 'XXX'])('with the currency %j is refused', async (currency) => {
    const answer = await refused(
      () => merchant.call<ProblemBody>('POST', '/v1/payments', { ...paymentBody({ code }), currency }),
      400,
      'INVALID_REQUEST',
    );
    expect(answer.body.errors).toMatchObject([{ pointer: '/currency' }]);
  });

  it.each(['', 'a b', 'x'.repeat(65), '../etc', 'ü', 'a\u0000'])(
    'with the id %j is refused',
    async (merchantPaymentId) => {
      await refused(
        () => merchant.call<ProblemBody>('POST', '/v1/payments', paymentBody({ code, merchantPaymentId })),
        400,
        'INVALID_REQUEST',
      );
    },
  );

  const items: [string, unknown, string][] = [
    [
      'an unknown field',
      [{ lineNo: 1, name: 'x', quantity: 1, unitAmount: 1, amount: 1, price: 1 }],
      '/items/0/price',
    ],
    ['no name', [{ lineNo: 1, quantity: 1, unitAmount: 1, amount: 1 }], '/items/0/name'],
    [
      'a fractional amount',
      [{ lineNo: 1, name: 'x', quantity: 1, unitAmount: 1, amount: 0.5 }],
      '/items/0/amount',
    ],
    [
      'an infinite quantity',
      [{ lineNo: 1, name: 'x', quantity: Infinity, unitAmount: 1, amount: 1 }],
      '/items/0/quantity',
    ],
    [
      'a NUL in a name',
      [{ lineNo: 1, name: 'a\u0000b', quantity: 1, unitAmount: 1, amount: 1 }],
      '/items/0/name',
    ],
    [
      'half a character',
      [{ lineNo: 1, name: 'a\ud800', quantity: 1, unitAmount: 1, amount: 1 }],
      '/items/0/name',
    ],
    [
      'the same line twice',
      [1, 1].map((lineNo) => ({ lineNo, name: 'x', quantity: 1, unitAmount: 1, amount: 1 })),
      '/items',
    ],
    [
      '501 lines',
      Array.from({ length: 501 }, (_, i) => ({
        lineNo: i + 1,
        name: 'x',
        quantity: 1,
        unitAmount: 1,
        amount: 1,
      })),
      '/items',
    ],
  ];
  it.each(items)('with lines that have %s is refused', async (_, lines, pointer) => {
    const answer = await refused(
      () => merchant.call<ProblemBody>('POST', '/v1/payments', { ...paymentBody({ code }), items: lines }),
      400,
      'INVALID_REQUEST',
    );
    expect(answer.body.errors?.map((it) => it.pointer)).toContain(pointer);
  });

  it('with many faults is told all of them at once', async () => {
    const answer = await refused(
      () =>
        merchant.call<ProblemBody>('POST', '/v1/payments', {
          amount: -1,
          currency: 'x',
          'a/b~c': 1,
          terminalId: 5,
        }),
      400,
      'INVALID_REQUEST',
    );
    expect(answer.body.errors?.map((it) => it.pointer).sort()).toEqual(
      ['/a~1b~0c', '/amount', '/code', '/currency', '/merchantPaymentId', '/storeId', '/terminalId'].sort(),
    );
  });

  it.each([
    ['nothing', ''],
    ['broken JSON', '{"amount":'],
    ['a list', '[]'],
    ['a number', '5'],
    ['null', 'null'],
    ['a prototype', '{"__proto__":{"amount":1}}'],
  ])('whose body is %s is refused', async (_, body) => {
    await refused(() => merchant.call<ProblemBody>('POST', '/v1/payments', body), 400, 'INVALID_REQUEST');
  });

  it('over 256 KiB is refused', async () => {
    const body = paymentBody({ code, receiptNumber: 'x'.repeat(300_000) });
    await refused(() => merchant.call<ProblemBody>('POST', '/v1/payments', body), 413, 'PAYLOAD_TOO_LARGE');
  });

  it.each([
    'text/plain',
    'application/xml',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
  ])('sent as %s is refused', async (type) => {
    const send = () =>
      merchant.call<ProblemBody>('POST', '/v1/payments', JSON.stringify(paymentBody({ code })), {
        'content-type': type,
      });
    await refused(send, 415, 'UNSUPPORTED_MEDIA_TYPE');
  });
});
