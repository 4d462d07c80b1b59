import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiClient } from '../support/client.ts';
import { givenMerchant, givenPayer, pay, paymentBody } from '../support/givens.ts';
import { answerChecker, readOpenApi, undocumentedAnswers } from '../support/open-api.ts';
import { startStack, type Stack } from '../support/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

describe('the description of the API', () => {
  it('fits what is really answered: status, headers and body', async () => {
    const faultsOf = answerChecker(await readOpenApi(stack.baseUrl));
    const merchant = await givenMerchant(stack);
    const payer = await givenPayer(stack, { balance: 1_000 });
    const body = paymentBody({ code: await payer.code() });
    const path = `/v1/payments/${body.merchantPaymentId}`;
    const nobody = apiClient(stack.baseUrl);
    const answers: [string, number, Parameters<typeof faultsOf>[1]][] = [
      ['POST /v1/payments', 200, await pay(merchant, body)],
      ['POST /v1/payments', 200, await pay(merchant, body)],
      ['POST /v1/payments', 200, await pay(merchant, { code: body.code })],
      ['POST /v1/payments', 400, await pay(merchant, { code: '1' })],
      ['POST /v1/payments', 401, await nobody('POST', '/v1/payments')],
      ['POST /v1/payments', 403, await payer.call('POST', '/v1/payments')],
      ['POST /v1/payments', 404, await pay(merchant, { code: body.code, storeId: 'none' })],
      ['POST /v1/payments', 413, await pay(merchant, { code: body.code, x: 'x'.repeat(300_000) })],
      [
        'POST /v1/payments',
        415,
        await merchant.call('POST', '/v1/payments', 'x', { 'content-type': 'text/plain' }),
      ],
      ['POST /v1/payments', 422, await pay(merchant, { ...body, amount: 1 })],
      ['GET /v1/payments/{merchantPaymentId}', 200, await merchant.call('GET', path)],
      ['GET /v1/me', 200, await payer.call('GET', '/v1/me')],
      ['GET /v1/me/payments', 200, await payer.call('GET', '/v1/me/payments')],
      ['POST /v1/payments/{merchantPaymentId}/cancel', 200, await merchant.call('POST', `${path}/cancel`)],
      ['GET /v1/payments/{merchantPaymentId}', 404, await merchant.call('GET', '/v1/payments/none')],
      ['POST /v1/codes', 201, await payer.call('POST', '/v1/codes')],
      ['GET /v1/time', 200, await nobody('GET', '/v1/time')],
    ];
    for (const [operation, status, answer] of answers) {
      expect({ operation, status: answer.status, faults: faultsOf(operation, answer) }).toEqual({
        operation,
        status,
        faults: [],
      });
    }
    expect(answers[1]?.[2].headers.get('idempotency-hit')).toBe('true');
  });

  it('fits a payment under way, and a device that takes the place of nobody', async () => {
    const idle = await startStack({ workers: 0, tillDeadlineMs: 300 });
    try {
      const faultsOf = answerChecker(await readOpenApi(idle.baseUrl));
      const payer = await givenPayer(idle);
      const answer = await pay(await givenMerchant(idle), { code: await payer.code() });
      expect(answer.status).toBe(202);
      expect(answer.headers.get('location')).not.toBeNull();
      expect(faultsOf('POST /v1/payments', answer)).toEqual([]);
      const made = await apiClient(idle.baseUrl, idle.adminKey)<{ enrolmentCode: string }>(
        'POST',
        `/v1/users/${payer.userId}/enrolments`,
      );
      const { enrolmentCode } = made.body;
      const phone = { enrolmentCode, deviceName: 'phone', replacesDeviceId: `dev_${'0'.repeat(32)}` };
      const refused = await apiClient(idle.baseUrl)('POST', '/v1/devices', phone);
      expect(refused.status).toBe(404);
      expect(faultsOf('POST /v1/devices', refused)).toEqual([]);
    } finally {
      await idle.stop();
    }
  });

  it('fits the stream of events, and names the header that resumes it', async () => {
    const document = await readOpenApi(stack.baseUrl);
    const payer = await givenPayer(stack);
    const stop = new AbortController();
    const stream = await fetch(`${stack.baseUrl}/v1/me/events`, {
      headers: { authorization: `Bearer ${payer.deviceToken}` },
      signal: stop.signal,
    });
    stop.abort();
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    expect(answerChecker(document)('GET /v1/me/events', stream)).toEqual([]);
    expect(document.paths['/v1/me/events']?.get?.parameters).toMatchObject([
      { name: 'Last-Event-ID', in: 'header', required: false },
    ]);
  });

  it('has for every operation the request id, and the answer when something breaks on our side', async () => {
    const { paths } = await readOpenApi(stack.baseUrl);
    for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods))) {
      expect(Object.keys(operation.responses)).toContain('500');
      for (const it of Object.values(operation.responses))
        expect(Object.keys(it.headers ?? {})).toContain('X-Request-Id');
    }
  });

  it('has every status that was answered above', async () => {
    expect(await undocumentedAnswers(stack.baseUrl)).toEqual([]);
  });
});
