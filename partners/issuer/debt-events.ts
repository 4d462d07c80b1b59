import { Router } from 'express';
import { z } from 'zod';
import { inTransaction, type Pool } from '../shared/database.ts';
import { parse, parseJson, Problem } from '../shared/problem.ts';
import { rawBodyOf, type Signatures } from '../shared/signature.ts';

/** What is used of `debt.closed`; the rest is kept as it came. */
const debtClosed = z.looseObject({
  debtId: z.string().min(1).max(64),
  outcome: z.enum(['SETTLED', 'WITHDRAWN', 'EXHAUSTED']),
  closedAt: z.iso.datetime({ offset: true }),
});

/** Where Kessai tells that a campaign has ended: signed, and taken once however often it comes. */
export function debtEventRoutes(pool: Pool, signatures: Signatures): Router {
  const router = Router();
  router.post('/v1/debt-events', async (request, response) => {
    const rawBody = rawBodyOf(request);
    await signatures.verify(rawBody, request.headers);
    const eventId = request.headers['webhook-id'];
    if (typeof eventId !== 'string') throw new Problem('INVALID_REQUEST', 'The event has no webhook-id.');
    const { debtId, outcome, closedAt } = parse(debtClosed, parseJson(rawBody));
    await inTransaction(pool, async (tx) => {
      const added = await tx.query(
        `insert into issuer.debt_event (event_id, statement_id, outcome, body) values ($1, $2, $3, $4)
         on conflict do nothing`,
        [eventId, debtId, outcome, rawBody],
      );
      if (added.rowCount === 0) return;
      await tx.query(
        `update issuer.statement set campaign_outcome = $2, campaign_closed_at = $3
          where statement_id = $1 and campaign_closed_at is null`,
        [debtId, outcome, closedAt],
      );
    });
    response.json({ received: eventId });
  });
  return router;
}
