import { createHash } from 'node:crypto';
import { z } from 'zod';
import { findMerchantFile, putMerchantFile } from '../../db/merchant-file.ts';
import { listBreaks, resolveBreak } from '../../db/reconciliation-break.ts';
import { AUTOMATIC_RESOLVER } from '../../db/reconciliation-break.ts';
import { findMerchantDay } from '../../db/settlement.ts';
import { BREAK_CLASSES, COUNTERPARTS } from '../../domain/reconciliation/compare.ts';
import type { ApiDeps } from '../deps.ts';
import { decodeCursor, encodeCursor, pageQuery } from '../http/cursor.ts';
import { createGate } from '../http/gate.ts';
import { invalidRequest, notFound, Problem } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { calendarDate, callerId, text, timestamp } from '../http/schemas.ts';
import { breaksAsCsv, breakView, reconciliationBreak } from './breaks.ts';
import { FILE_COLUMNS, MAX_FILE_BYTES, readMerchantFile } from './file.ts';
import { reconcileAfterUpload } from './start.ts';

const LISTS_AT_ONCE = 4;

const storedFile = z
  .object({
    date: z.string(),
    rows: z.int(),
    sha256: z.string().meta({ description: 'Of the body as it came.' }),
    receivedAt: timestamp,
  })
  .meta({ id: 'ReconciliationFile' });

/** Merchants' own books, and where they differ from ours. */
export function reconciliationRoutes(deps: ApiDeps): Route[] {
  return [fileRoute(deps), listRoute(deps), resolveRoute(deps)];
}

function fileRoute({ pool, temporal, taskQueue, log }: ApiDeps): Route {
  return route({
    method: 'put',
    path: '/v1/reconciliation-files/{date}',
    tag: 'Reconciliation',
    summary: 'Send your own books of a day, to be compared with ours',
    description:
      `CSV in UTF-8, at most ${MAX_FILE_BYTES / 1024 / 1024} MiB, with a first line that names the columns ${FILE_COLUMNS.map((it) => `\`${it}\``).join(', ')}, in any order. ` +
      '`type` is PAYMENT, CANCEL or REFUND; `amount` is in minor units, negative for cancels and refunds, as in the settlement report. Several lines of one payment and type count as their sum. ' +
      'A later file of the same day takes the place of the one before. A file with a fault is refused whole, every fault with its line (the first thousand). ' +
      'The day and its neighbours are compared at once if they are over, else in the night after.',
    roles: ['merchant'],
    params: z.strictObject({ date: calendarDate }),
    body: z.instanceof(Buffer),
    upload: { type: 'text/csv', maxBytes: MAX_FILE_BYTES },
    example: `${FILE_COLUMNS.join(',')}\norder-2026-0001,PAYMENT,1200,JPY\norder-2026-0001,REFUND,-200,JPY\n`,
    responses: {
      200: { description: 'The file is stored.', schema: storedFile, headers: ['Idempotency-Hit'] },
    },
    async handle({ params, body, principal }) {
      const now = new Date();
      const merchantId = principal.tenantId;
      const day = await findMerchantDay(pool, merchantId, params.date);
      if (day === undefined) throw notFound('merchant');
      if (day.begins > now.toISOString()) {
        const detail = `That day has not begun in ${day.timeZone}.`;
        throw invalidRequest([{ pointer: '/date', code: 'FUTURE', detail, in: 'path' }]);
      }
      const sha256 = createHash('sha256').update(body).digest('hex');
      const before = await findMerchantFile(pool, merchantId, day.day);
      const same = before?.sha256 === sha256 ? before : undefined;
      const file = { merchantId, day: day.day, sha256, receivedAt: now };
      const stored = same ?? (await putMerchantFile(pool, file, readMerchantFile(body, day.currency)));
      // Stored is stored: if this start fails, the nightly run compares it.
      await reconcileAfterUpload(temporal, taskQueue, merchantId, day.day).catch((error: unknown) => {
        log.warn({ err: error }, 'reconciliation after an upload');
      });
      return {
        status: 200,
        headers: same === undefined ? {} : { 'idempotency-hit': 'true' },
        body: {
          date: day.day,
          rows: stored.rowCount,
          sha256: stored.sha256,
          receivedAt: stored.receivedAt.toISOString(),
        },
      };
    },
  });
}

function listRoute({ pool }: ApiDeps): Route {
  const gate = createGate(LISTS_AT_ONCE, 'Too many lists of breaks are being read; try again.');
  return route({
    method: 'get',
    path: '/v1/reconciliation-breaks',
    tag: 'Reconciliation',
    summary: 'Where our books and others differ, newest first',
    description:
      'Classes: `missing_ours` (theirs has it, our books do not), `missing_theirs`, `amount_differs`, `late` (theirs has it on a neighbouring day, or a phone has not confirmed it in time), ' +
      '`unknown_outcome` (an issuer never said). Ours are payments, cancels and refunds; theirs is the `counterpart`. A merchant sees who resolved a break as `reconciliation` or `kessai`, and no operation of an issuer. With `format=csv` all of them come at once, without pages.',
    roles: ['admin', 'merchant'],
    query: pageQuery.extend({
      class: z.enum(BREAK_CLASSES).optional(),
      counterpart: z.enum(COUNTERPARTS).optional(),
      open: z.enum(['true', 'false']).optional(),
      date: calendarDate.optional(),
      merchantId: callerId.optional().describe('For keys of role admin; merchants see their own.'),
      format: z.enum(['json', 'csv']).default('json'),
    }),
    responses: {
      200: {
        description: 'One page, or all as CSV.',
        schema: z.object({ items: z.array(reconciliationBreak), nextCursor: z.string().nullable() }),
        produces: ['text/csv'],
      },
    },
    async handle({ query, principal }) {
      const now = new Date();
      const reader = principal.role === 'merchant' ? 'merchant' : 'admin';
      const filter = {
        merchantId: principal.role === 'merchant' ? principal.tenantId : query.merchantId,
        class: query.class,
        counterpart: query.counterpart,
        day: query.date,
        open: query.open === undefined ? undefined : query.open === 'true',
      };
      if (query.format === 'csv') {
        const pieces = gate(() => breaksAsCsv(pool, filter, now, reader));
        return { status: 200, stream: { type: 'text/csv', pieces } };
      }
      const after = decodeCursor(query.after);
      const place = after === undefined ? undefined : { at: after[0], breakId: after[1] };
      const page = await listBreaks(pool, filter, query.limit, place);
      const nextCursor = encodeCursor(
        page.next === undefined ? undefined : [page.next.at, page.next.breakId],
      );
      return { status: 200, body: { items: page.items.map((it) => breakView(it, now, reader)), nextCursor } };
    },
  });
}

function resolveRoute({ pool }: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/v1/reconciliation-breaks/{breakId}/resolve',
    tag: 'Reconciliation',
    summary: 'Say what was found out about a break',
    description:
      'Moves no money. A break that a person has resolved stays so, unless a later comparison finds other amounts.',
    roles: ['admin'],
    params: z.strictObject({ breakId: z.string().regex(/^[A-Za-z0-9_.-]{1,200}$/) }),
    body: z.strictObject({
      resolver: text(100)
        .refine((it) => it !== AUTOMATIC_RESOLVER, 'That is what the comparison itself is called')
        .meta({ description: 'Who says so.', example: 'operator-7' }),
      reason: text(500),
    }),
    example: {
      resolver: 'operator-7',
      reason: 'the shop booked a discount; its file of tomorrow corrects it',
    },
    responses: {
      200: { description: 'The break.', schema: reconciliationBreak, headers: ['Idempotency-Hit'] },
      409: { description: 'It was resolved otherwise: CONFLICT_STATE.' },
    },
    async handle({ params, body }) {
      const now = new Date();
      const result = await resolveBreak(pool, { ...params, ...body, now });
      if (result === undefined) throw notFound('break');
      if (result.kind === 'resolved_otherwise') {
        const { resolver, resolution } = result.found;
        throw new Problem('CONFLICT_STATE', `${resolver ?? ''} resolved it: ${resolution ?? ''}`);
      }
      return {
        status: 200,
        headers: result.kind === 'resolved_before' ? { 'idempotency-hit': 'true' } : {},
        body: breakView(result.found, now, 'admin'),
      };
    },
  });
}
