import { z } from 'zod';
import { findMerchantDay } from '../../db/settlement.ts';
import type { ApiDeps } from '../deps.ts';
import { createGate } from '../http/gate.ts';
import { invalidRequest, notFound } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { calendarDate } from '../http/schemas.ts';
import { REPORT_FORMATS, REPORT_MEDIA_TYPES, settlementReport } from './report.ts';

/** Each report that runs holds a database connection; tills must not wait for one. */
const REPORTS_AT_ONCE = 4;

/** What a merchant's day came to. */
export function settlementRoutes({ pool }: ApiDeps): Route[] {
  const gate = createGate(REPORTS_AT_ONCE, 'Too many settlement reports are being read; try again.');
  return [
    route({
      method: 'get',
      path: '/v1/settlement-report',
      tag: 'Settlement',
      summary: "A day's payments, cancels and refunds, with totals and a checksum",
      description:
        "The day is one of the merchant's time zone, from local midnight to local midnight. A payment stands on the day it was decided, its cancel and each refund " +
        'on their own day. Cancels and refunds are negative, so all amounts sum to what the account moved by. Lines are in order of time; the same day gives the same lines. ' +
        'The last line (`type` TOTAL) has the totals by type, the net as `amount`, the count of rows, `final` (was the day over?) and the SHA-256 of all bytes before it. ' +
        'A report without that line broke off. CSV after RFC 4180; a text that begins with = + - or @ has an apostrophe in front.',
      roles: ['merchant'],
      query: z.strictObject({
        date: calendarDate,
        format: z.enum(REPORT_FORMATS).optional().describe('Stands above `Accept`; without both, csv.'),
      }),
      requestHeaders: z.object({
        Accept: z.string().optional().meta({ description: '`text/csv` or `application/jsonl`.' }),
      }),
      responses: {
        200: { description: 'The report, streamed.', produces: Object.values(REPORT_MEDIA_TYPES) },
        404: { description: 'The merchant of this key has not been stored.' },
      },
      async handle({ query, principal, accepts }) {
        const now = new Date();
        const format =
          query.format ??
          REPORT_FORMATS.find(
            (it) => REPORT_MEDIA_TYPES[it] === accepts(Object.values(REPORT_MEDIA_TYPES)),
          ) ??
          'csv';
        const day = await findMerchantDay(pool, principal.tenantId, query.date);
        if (day === undefined) throw notFound('merchant');
        if (day.begins > now.toISOString()) {
          const detail = `That day has not begun in ${day.timeZone}.`;
          throw invalidRequest([{ pointer: '/date', code: 'FUTURE', detail, in: 'query' }]);
        }
        return {
          status: 200,
          headers: {
            'content-disposition': `attachment; filename="settlement-${day.merchantId}-${day.day}.${format}"`,
            'cache-control': 'no-store',
          },
          stream: {
            type: REPORT_MEDIA_TYPES[format],
            pieces: gate(() => settlementReport(pool, { day, format, now })),
          },
        };
      },
    }),
  ];
}
