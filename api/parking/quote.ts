import { createHash } from 'node:crypto';
import { newId } from '../../db/id.ts';
import { findParkingOperator, findParkingPlace } from '../../db/parking.ts';
import { findPaidForStay, insertQuote, type ParkingQuote } from '../../db/parking-quote.ts';
import { findOpenParkingSession, putParkingSession } from '../../db/parking-session.ts';
import { holidaysOfZone } from '../../db/public-holiday.ts';
import { tariffCalendar } from '../../db/tariff-calendar.ts';
import { USER_CURRENCY } from '../../db/user.ts';
import { assertDefined } from '../../domain/assert.ts';
import { feeOf, MAX_STAY_MS, tariffOf } from '../../domain/parking/fee.ts';
import { feeView } from '../../domain/parking/fee-view.ts';
import type { ParkingOperator, ParkingPlace, ParkingSession } from '../../domain/parking/place.ts';
import { dueOf, type DueFee } from '../../domain/parking/quote.ts';
import type { ApiDeps } from '../deps.ts';
import { notFound, Problem, unavailable } from '../http/problem.ts';
import { askFee, type OperatorFee } from './operator-fee.ts';
import type { QuoteRequest } from './quote-schemas.ts';

const MINUTE_MS = 60_000;
/** Where no rate table says otherwise: so long after it was opened a flap shuts again. */
const EXIT_GRACE_MINUTES = 5;

/** What one source says of a stay. */
interface Reckoned {
  readonly source: 'OPERATOR' | 'KESSAI';
  readonly sessionId: string;
  readonly startedAt: string;
  readonly currency: string;
  readonly fee: DueFee;
  readonly lines: readonly unknown[];
  readonly isFallback: boolean;
  readonly saidByDriver: boolean;
  readonly exitGraceMinutes: number;
}

interface Asked {
  readonly operator: ParkingOperator;
  readonly place: ParkingPlace;
  readonly body: QuoteRequest;
  readonly userId: string;
  readonly nowMs: number;
}

/**
 * What a driver has to pay now, kept as it is shown.
 * @throws Problem NOT_FOUND for a place or stay that is not known, UNAVAILABLE while the operator's server says no fee and no rate
 *   table may stand in, CONFLICT_STATE where nothing says a fee
 */
export async function quoteStay(deps: ApiDeps, userId: string, body: QuoteRequest): Promise<ParkingQuote> {
  const place = await findParkingPlace(deps.pool, body.placeId);
  if (place === undefined) throw notFound('place');
  const operator = assertDefined(await findParkingOperator(deps.pool, place.operatorId));
  const asked = { operator, place, body, userId, nowMs: Date.now() };
  const reckoned =
    operator.feeSource === 'OPERATOR' ? await askServer(deps, asked) : await reckon(deps, asked);
  if (reckoned.currency !== USER_CURRENCY)
    throw new Problem(
      'CONFLICT_STATE',
      `This place is paid in ${reckoned.currency}, which cannot be paid from here.`,
    );
  const quote = await quoteOf(deps, asked, reckoned);
  await insertQuote(deps.pool, quote);
  return quote;
}

async function quoteOf(
  deps: ApiDeps,
  { operator, place, body, userId, nowMs }: Asked,
  it: Reckoned,
): Promise<ParkingQuote> {
  const paid = await findPaidForStay(deps.pool, operator.operatorId, it.sessionId);
  const exitGraceMs = it.exitGraceMinutes * MINUTE_MS;
  const due = dueOf(it.source, it.fee, paid, { nowMs, exitGraceMs });
  return {
    quoteId: newId('quo'),
    userId,
    operatorId: operator.operatorId,
    operatorName: operator.name,
    operatorPhone: operator.phone,
    invoiceNumber: operator.invoiceNumber,
    release: operator.release,
    placeId: place.placeId,
    placeName: place.name,
    space: body.space,
    sessionId: it.sessionId,
    startedAt: it.startedAt,
    fee: it.source === 'KESSAI' ? it.fee.amount : due.amount + paid.amount,
    paidBefore: paid.amount,
    amount: due.amount,
    currency: it.currency,
    taxRatePercent: it.fee.taxRatePercent,
    taxAmount: due.taxAmount,
    lines: it.lines,
    feeSource: it.source,
    isFallback: it.isFallback,
    saidByDriver: it.saidByDriver,
    quotedAt: new Date(nowMs).toISOString(),
    expiresAt: new Date(due.expiresAtMs).toISOString(),
    exitBy: new Date(due.exitByMs).toISOString(),
  };
}

async function askServer(deps: ApiDeps, asked: Asked): Promise<Reckoned> {
  const { operator, place, body, nowMs } = asked;
  const { space, credential } = body;
  const stay = { placeId: place.placeId, space, credential, at: new Date(nowMs).toISOString() };
  const reply = await askFee(deps, operator.operatorId, stay);
  if (reply.kind === 'ANSWERED') return saidByServer(asked, reply.answer);
  if (reply.kind === 'NOT_FOUND') throw notFound('stay');
  deps.log.warn({ operatorId: operator.operatorId, why: reply.why }, "an operator's server said no fee");
  if (!operator.fallbackToRateTable)
    throw unavailable("The operator's system does not answer. Ask again, or pay at the machine.");
  return { ...(await reckon(deps, asked)), isFallback: true };
}

function saidByServer({ place, nowMs }: Asked, it: OperatorFee): Reckoned {
  return {
    source: 'OPERATOR',
    sessionId: it.sessionId,
    startedAt: new Date(it.startedAt).toISOString(),
    currency: it.currency,
    fee: {
      amount: it.isSettled ? 0 : it.amount,
      taxRatePercent: it.taxRatePercent,
      taxAmount: it.isSettled ? 0 : it.taxAmount,
      validUntilMs: Math.max(nowMs, Date.parse(it.validUntil)),
    },
    lines: it.lines.map(({ description, amount }) => ({ kind: 'OPERATOR', why: description, amount })),
    isFallback: false,
    saidByDriver: false,
    exitGraceMinutes: place.rateTable?.exitGraceMinutes ?? EXIT_GRACE_MINUTES,
  };
}

async function reckon(deps: ApiDeps, asked: Asked): Promise<Reckoned> {
  const { operator, place, nowMs } = asked;
  const { session, rateTable, saidByDriver } = await findStay(deps, asked);
  const table = rateTable ?? place.rateTable;
  if (table === undefined)
    throw new Problem('CONFLICT_STATE', 'Nothing says what a stay at this place costs.');
  const entryMs = Date.parse(session.startedAt);
  if (entryMs > nowMs || nowMs - entryMs > MAX_STAY_MS)
    throw new Problem(
      'CONFLICT_STATE',
      'The stay is said to begin in the future, or lasts more than a year.',
    );
  const calendar = tariffCalendar(operator.timeZone, operator.holidays ?? holidaysOfZone(operator.timeZone));
  const fee = feeOf(tariffOf(table), calendar, { entryMs, exitMs: nowMs });
  return {
    source: 'KESSAI',
    sessionId: session.sessionId,
    startedAt: session.startedAt,
    currency: fee.currency,
    fee: { ...fee, validUntilMs: fee.paidUntilMs },
    lines: feeView(fee).lines,
    isFallback: false,
    saidByDriver,
    exitGraceMinutes: table.exitGraceMinutes,
  };
}

async function findStay({ pool }: ApiDeps, asked: Asked) {
  const { operator, place, body } = asked;
  const { space, credential } = body;
  const by = space === undefined ? { credential: assertDefined(credential) } : { space };
  const open = await findOpenParkingSession(pool, place.placeId, by);
  // What a driver said is that driver's: another one at the same space says when theirs began.
  const isSaid = open?.session.sessionId.startsWith(SAID) === true;
  if (open !== undefined && (!isSaid || open.session.sessionId === idOfSaid(asked)))
    return { ...open, saidByDriver: isSaid };
  if (operator.release !== 'OPERATOR_CONFIRM' || body.startedAt === undefined) throw notFound('stay');
  return {
    session: await keepSaid(pool, asked, body.startedAt),
    rateTable: place.rateTable,
    saidByDriver: true,
  };
}

const SAID = 'said-';

/** The same driver saying the same again means the same stay. */
function idOfSaid({ userId, place, body }: Asked): string {
  const said = JSON.stringify([userId, place.placeId, body.space, body.credential, body.startedAt]);
  return SAID + createHash('sha256').update(said).digest('hex').slice(0, 32);
}

async function keepSaid(pool: ApiDeps['pool'], asked: Asked, startedAt: string): Promise<ParkingSession> {
  const { operator, place, body } = asked;
  const stored = await putParkingSession(pool, {
    sessionId: idOfSaid(asked),
    operatorId: operator.operatorId,
    placeId: place.placeId,
    space: body.space,
    credential: body.credential,
    startedAt,
  });
  if (stored.kind === 'UNKNOWN_SPACE') throw notFound('space');
  if (stored.kind !== 'STORED') throw new Error(`a stay that a driver said is ${stored.kind}`);
  return stored.session;
}
