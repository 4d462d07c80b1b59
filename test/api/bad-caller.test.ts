import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiClient, type ApiCall } from '../support/client.ts';
import { startEdge, type Edge, type ProblemBody } from '../support/edge.ts';

let stack: Edge['stack'];
let merchant: Edge['merchant'];
let payer: Edge['payer'];
let admin: Edge['admin'];
let refused: Edge['refused'];

beforeAll(async () => {
  ({ stack, merchant, payer, admin, refused } = await startEdge());
});
afterAll(() => stack.stop());

describe('a caller', () => {
  it.each([
    ['no key', undefined],
    ['a wrong key', 'ksk_merchant_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
    ['a short key', 'x'],
    ['control characters for a key', 'ksk_merchant_\tAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
  ])('with %s is unauthenticated, before the body is looked at', async (_, key) => {
    const answer = await refused(
      () => apiClient(stack.baseUrl, key)<ProblemBody>('POST', '/v1/payments', '{"broken'),
      401,
      'UNAUTHENTICATED',
    );
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
  });

  it('with a key of another role is refused', async () => {
    const attempts: [ApiCall, string, string][] = [
      [merchant.call, 'POST', '/v1/codes'],
      [merchant.call, 'POST', '/v1/users'],
      [merchant.call, 'POST', '/v1/keys'],
      [payer.call, 'POST', '/v1/payments'],
      [payer.call, 'PUT', '/v1/merchants/x'],
      [admin, 'GET', '/v1/me'],
      [admin, 'POST', '/v1/payments'],
    ];
    for (const [call, method, path] of attempts) {
      await refused(() => call<ProblemBody>(method, path), 403, 'FORBIDDEN_ROLE');
    }
  });

  it('of an unknown path or method is told so', async () => {
    await refused(() => merchant.call<ProblemBody>('GET', '/v1/nothing'), 404, 'NOT_FOUND');
    await refused(() => merchant.call<ProblemBody>('DELETE', '/v1/payments'), 404, 'NOT_FOUND');
    await refused(() => merchant.call<ProblemBody>('GET', '/v1/payments/%E0%A4%A'), 400, 'INVALID_REQUEST');
  });
});
