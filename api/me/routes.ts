import { z } from 'zod';
import { listPaymentsOfUser } from '../../db/payment.ts';
import { findWallet, USER_CURRENCY } from '../../db/user.ts';
import { assertDefined } from '../../domain/assert.ts';
import { OFFLINE_POLICY } from '../../domain/code/offline-policy.ts';
import { FUNDING_SOURCES } from '../../domain/payment/payment.ts';
import type { ApiDeps } from '../deps.ts';
import { decodeCursor, encodeCursor, pageQuery } from '../http/cursor.ts';
import { invalidRequest } from '../http/problem.ts';
import { offlineLimits } from '../code/offline-routes.ts';
import { route, streamRoute, type Route } from '../http/route.ts';
import { paymentView } from '../payment/schemas.ts';

const debtNotice = z
  .object({
    debtId: z.string(),
    amount: z.int(),
    currency: z.string(),
    dueOn: z.string(),
    link: z.string(),
  })
  .meta({
    id: 'DebtNotice',
    description:
      'The open bill that has been due longest, for the completion screen; on payments of the last hour.',
  });
const historyPayment = paymentView
  .extend({ merchantName: z.string(), debtNotice: debtNotice.optional() })
  .meta({ id: 'HistoryPayment' });

const EVENT_ID = /^\d{1,15}$/;

/** What a wallet shows its user. */
export function meRoutes({ pool, streams }: ApiDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/me',
      tag: 'Wallet',
      summary: 'The user of this device, with the balance',
      roles: ['device'],
      responses: {
        200: {
          description:
            'Available is `amount` - `held`. `payLater` is there if the user has such an account; `leftIn24h` and `leftIn30d` are how often they can still pay offline.',
          schema: z.object({
            userId: z.string(),
            displayName: z.string(),
            locale: z.string(),
            timeZone: z.string(),
            balance: z.object({ amount: z.int(), held: z.int(), currency: z.string() }),
            payLater: z.object({ issuerId: z.string() }).optional(),
            offlineFundingSource: z.enum(FUNDING_SOURCES),
            offlineLimits: offlineLimits.extend({ leftIn24h: z.int(), leftIn30d: z.int() }),
          }),
        },
      },
      async handle({ principal }) {
        const { posted, held, payLaterIssuerId, offlineIn24h, offlineIn30d, ...user } = assertDefined(
          await findWallet(pool, principal.tenantId, new Date()),
        );
        const { limits } = OFFLINE_POLICY;
        return {
          status: 200,
          body: {
            ...user,
            balance: { amount: posted, held, currency: USER_CURRENCY },
            ...(payLaterIssuerId === null ? {} : { payLater: { issuerId: payLaterIssuerId } }),
            offlineLimits: {
              ...limits,
              leftIn24h: Math.max(0, limits.maxPer24h - offlineIn24h),
              leftIn30d: Math.max(0, limits.maxPer30d - offlineIn30d),
            },
          },
        };
      },
    }),
    route({
      method: 'get',
      path: '/v1/me/payments',
      tag: 'Wallet',
      summary: "The user's payments, newest first",
      roles: ['device'],
      query: pageQuery,
      responses: {
        200: {
          description: 'One page.',
          schema: z.object({
            items: z.array(historyPayment),
            nextCursor: z.string().nullable(),
          }),
        },
      },
      async handle({ principal, query }) {
        const after = decodeCursor(query.after);
        const page = await listPaymentsOfUser(
          pool,
          principal.tenantId,
          query.limit,
          after === undefined ? undefined : { at: after[0], paymentId: after[1] },
        );
        const nextCursor = encodeCursor(
          page.next === undefined ? undefined : [page.next.at, page.next.paymentId],
        );
        return { status: 200, body: { items: page.items, nextCursor } };
      },
    }),
    streamRoute({
      method: 'get',
      path: '/v1/me/events',
      tag: 'Wallet',
      summary: 'What happens to the user, as it happens (server-sent events)',
      description:
        'Events `payment.in_progress` (a pay-later partner has not answered), `payment.completed`, `payment.declined`, `payment.canceled` and, of offline payments, ' +
        '`payment.matched`, `payment.unconfirmed`, `payment.disputed`, `payment.resolved` with the payment as data (`payment.completed` with `debtNotice`, if the user has a bill that is due), ' +
        '`refund.completed` with the refund, `parking.decided`, `parking.awaiting_operator`, `parking.released`, `parking.exited`, `parking.overstayed`, `parking.refunded` with the settlement, `message.created` with the message, `repayment.decided` with the repayment; `id` counts up without gaps. ' +
        'Reconnect with `Last-Event-ID` and nothing is lost; without it the stream begins now, with `0` at the beginning.',
      roles: ['device'],
      requestHeaders: z.object({
        'Last-Event-ID': z
          .string()
          .regex(EVENT_ID)
          .optional()
          .meta({ description: 'The `id` of the last event that arrived.', example: '42' }),
      }),
      responses: {
        200: { description: 'The stream, open until one side ends it.', produces: ['text/event-stream'] },
      },
      async stream({ principal }, request, response) {
        await streams.open(principal, lastEventId(request.headers['last-event-id']), response);
      },
    }),
  ];
}

function lastEventId(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === '') return undefined;
  if (typeof header === 'string' && EVENT_ID.test(header)) return Number(header);
  throw invalidRequest([
    {
      pointer: '/last-event-id',
      code: 'INVALID',
      detail: 'Send the id of the last event received.',
      in: 'header',
    },
  ]);
}
