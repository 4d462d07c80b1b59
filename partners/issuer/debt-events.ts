import { Router } from 'express';
import { z } from 'zod';
import { inTransaction, type Pool } from '../shared/database.ts';
import { parse, parseJson, Problem } from '../shared/problem.ts';
import { rawBodyOf, type Signatures } from '../shared/signature.ts';

const debtId = z.string().min(1).max(64);

/** What is used of `debt.closed` and `debt.no_signal`, told apart by what is signed; the rest is kept as it came. */
const debtEvent = z.union([
  z.looseObject({
    debtId,
    outcome: z.enum(['SETTLED', 'WITHDRAWN', 'EXHAUSTED']),
    closedAt: z.iso.datetime({ offset: true }),
  }),
  z.looseObject({ debtId, outcome: z.undefined().optional(), noSignal: z.literal(true) }),
]);

/** Where Kessai tells that a campaign has ended or reaches nobody: signed, and taken once however often it comes. */
export function debtEventRoutes(pool: Pool, signatures: Signatures): Router {
  const router = Router();
  router.post('/v1/debt-events', async (request, response) => {
    const rawBody = rawBodyOf(request);
    await signatures.verify(rawBody, request.headers);
    const eventId = request.headers['webhook-id'];
    if (typeof eventId !== 'string') throw new Problem('INVALID_REQUEST', 'The event has no webhook-id.');
    const event = parse(debtEvent, parseJson(rawBody));
    await inTransaction(pool, async (tx) => {
      const added = await tx.query(
        `insert into issuer.debt_event (event_id, statement_id, outcome, body) values ($1, $2, $3, $4)
         on conflict do nothing`,
        [eventId, event.debtId, event.outcome ?? null, rawBody],
      );
      if (added.rowCount === 0) return;
      if (event.outcome === undefined) {
        await tx.query('update issuer.statement set no_signal_at = now() where statement_id = $1', [
          event.debtId,
        ]);
        return;
      }
      await tx.query(
        `update issuer.statement set campaign_outcome = $2, campaign_closed_at = $3
          where statement_id = $1 and campaign_closed_at is null`,
        [event.debtId, event.outcome, event.closedAt],
      );
    });
    response.json({ received: eventId });
  });
  return router;
}
