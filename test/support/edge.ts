import { expect } from 'vitest';
import { apiClient, type Answer, type ApiCall } from './client.ts';
import { givenMerchant, givenPayer, type GivenMerchant, type GivenPayer } from './givens.ts';
import { startStack, type Stack } from './stack.ts';

export interface ProblemBody {
  readonly code: string;
  readonly status: number;
  readonly requestId: string;
  readonly errors?: readonly { readonly pointer: string; readonly code: string }[];
}

/** An API without workers: whatever got past the edge would be seen as a started workflow or a written row. */
export interface Edge {
  readonly stack: Stack;
  readonly merchant: GivenMerchant;
  readonly payer: GivenPayer;
  readonly admin: ApiCall;
  /** Calls, and asserts a whole problem of this status and code, and that nothing was written. */
  readonly refused: (
    call: () => Promise<Answer<ProblemBody>>,
    status: number,
    code: string,
  ) => Promise<Answer<ProblemBody>>;
}

export async function startEdge(): Promise<Edge> {
  const stack = await startStack({ workers: 0, tillDeadlineMs: 500 });
  return {
    stack,
    merchant: await givenMerchant(stack),
    payer: await givenPayer(stack, { balance: 1_000 }),
    admin: apiClient(stack.baseUrl, stack.adminKey),
    async refused(call, status, code) {
      const before = await written(stack);
      const answer = await call();
      expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.body.status).toBe(status);
      expect(answer.body.requestId).toBe(answer.headers.get('x-request-id'));
      expect(await written(stack)).toEqual(before);
      return answer;
    },
  };
}

/** Everything that a request could have written, counted. */
async function written(stack: Stack): Promise<unknown> {
  const counts = await stack.pool.query(
    `select (select count(*) from payment) as payments, (select count(*) from transfer) as transfers,
            (select count(*) from app_user) as users, (select count(*) from merchant) as merchants,
            (select count(*) from api_key) as keys, (select count(*) from one_time_code) as codes,
            (select count(*) from enrolment) as enrolments, (select count(*) from device) as devices,
            (select md5(string_agg(merchant::text, '' order by merchant_id)) from merchant) as merchant_content`,
  );
  const workflows = await stack.temporal.workflow.count(`TaskQueue = '${stack.taskQueue}'`);
  return { ...counts.rows[0], workflows: workflows.count };
}
