import { z } from 'zod';
import { dunningSummary } from '../../db/dunning-summary.ts';
import { csvLine } from '../../domain/csv.ts';
import { CADENCES, SUMMARY_COLUMNS, summaryRows, type PolicySummary } from '../../domain/dunning/summary.ts';
import type { ApiDeps } from '../deps.ts';
import { route, type Route } from '../http/route.ts';
import { callerId, timestamp } from '../http/schemas.ts';

const time = z.iso.datetime({ offset: true });
const share = z.number().nullable();

const policySummary = z
  .object({
    policyVersion: z.string(),
    debts: z.object({
      registered: z.int(),
      open: z.int(),
      settled: z.int(),
      withdrawn: z.int(),
      exhausted: z.int(),
    }),
    contacts: z.object({ sent: z.int(), displayed: z.int(), opened: z.int(), openedShare: share }),
    byStage: z.array(
      z.object({
        stage: z.int().meta({ description: 'Counted from 0.' }),
        cadence: z
          .enum(CADENCES)
          .meta({ description: 'How long before it the message before went out; FIRST has none.' }),
        sent: z.int(),
        opened: z.int(),
        openedShare: share,
        repayments: z.int().meta({ description: 'After such a message and before the next one.' }),
        medianHoursToRepayment: z.number().nullable(),
      }),
    ),
    repaymentsBeforeContact: z.int(),
    deferrals: z.array(z.object({ reason: z.string(), count: z.int() })),
  })
  .meta({ id: 'DunningPolicySummary' });

const summary = z.object({ at: timestamp, policies: z.array(policySummary) }).meta({ id: 'DunningSummary' });

/** All figures as CSV. */
export function summaryCsv(policies: readonly PolicySummary[]): string {
  return [[...SUMMARY_COLUMNS], ...summaryRows(policies)].map(csvLine).join('');
}

/** How campaigns have gone, for issuers and Kessai itself. */
export function dunningSummaryRoutes({ pool }: ApiDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/dunning/summary',
      tag: 'Dunning',
      summary: 'Recovery figures: contacts, opened share, time to repayment by stage and cadence, deferrals',
      description:
        'Of campaigns registered from `from` to before `to`, per version of the policy. `Accept: text/csv` answers one figure a line.',
      roles: ['issuer', 'admin'],
      query: z.strictObject({
        from: time.optional(),
        to: time.optional(),
        issuerId: callerId.optional().describe('For keys of role admin; issuers see their own.'),
      }),
      responses: { 200: { description: 'The figures.', schema: summary, produces: ['text/csv'] } },
      async handle({ principal, query, accepts }) {
        const issuerId = principal.role === 'issuer' ? principal.tenantId : query.issuerId;
        const now = new Date();
        const policies = await dunningSummary(pool, { issuerId, from: query.from, to: query.to });
        return accepts(['application/json', 'text/csv']) === 'text/csv'
          ? { status: 200, stream: { type: 'text/csv', pieces: onePiece(summaryCsv(policies)) } }
          : { status: 200, body: { at: now.toISOString(), policies } };
      },
    }),
  ];
}

async function* onePiece(text: string): AsyncGenerator<string> {
  yield await Promise.resolve(text);
}
