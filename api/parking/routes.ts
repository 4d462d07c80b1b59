import {
  findParkingOperator,
  findParkingPlace,
  findPlaceBySiteCode,
  findPlacesNear,
  putParkingOperator,
  putParkingPlace,
} from '../../db/parking.ts';
import { findParkingSession, putParkingSession, type PutSessionOutcome } from '../../db/parking-session.ts';
import type { FoundPlace, ParkingSession, Position } from '../../domain/parking/place.ts';
import type { ApiDeps } from '../deps.ts';
import { requestHash } from '../http/hash.ts';
import { invalidRequest, notFound, Problem } from '../http/problem.ts';
import { route, type Reply, type Route } from '../http/route.ts';
import { requireTimeZone } from '../http/time-zone.ts';
import { estimateFee } from './estimate.ts';
import { wakeStay } from './settlement-start.ts';
import * as schemas from './schemas.ts';
import * as examples from './examples.ts';

const TAG = 'Parking';
const DEFAULT_RADIUS_M = 500;
const DEFAULT_LIMIT = 50;
const HIT = ['Idempotency-Hit'] as const;

/** Other operators' places, what stays there cost, and the stays themselves. */
export function parkingRoutes(deps: ApiDeps): Route[] {
  return [...operatorRoutes(deps), ...placeRoutes(deps), ...sessionRoutes(deps), ...driverRoutes(deps)];
}

function operatorRoutes({ pool }: ApiDeps): Route[] {
  return [
    route({
      method: 'put',
      path: '/v1/parking/operators/{operatorId}',
      tag: TAG,
      summary: 'Store an operator',
      description: 'Replaces what was stored.',
      roles: ['admin'],
      params: schemas.operatorParams,
      body: schemas.operatorBody,
      example: examples.operator,
      responses: { 200: { description: 'The operator as stored.', schema: schemas.operatorView } },
      async handle({ params, body }) {
        await requireTimeZone(pool, body.timeZone);
        const operator = { ...params, ...body };
        await putParkingOperator(pool, operator);
        return { status: 200, body: operator };
      },
    }),
    route({
      method: 'get',
      path: '/v1/parking/operators/{operatorId}',
      tag: TAG,
      summary: 'An operator as stored',
      roles: ['admin', 'parking'],
      params: schemas.operatorParams,
      responses: { 200: { description: 'The operator.', schema: schemas.operatorView } },
      async handle({ params: { operatorId }, principal: { role, tenantId } }) {
        const isTheirs = role === 'admin' || tenantId === operatorId;
        const found = isTheirs ? await findParkingOperator(pool, operatorId) : undefined;
        if (found === undefined) throw notFound('operator');
        return { status: 200, body: found };
      },
    }),
  ];
}

function placeRoutes({ pool }: ApiDeps): Route[] {
  return [
    route({
      method: 'put',
      path: '/v1/parking/places/{placeId}',
      tag: TAG,
      summary: 'Store a place',
      description:
        'Replaces what was stored. Another rate table is a new version: it holds for stays that begin from now on; a stay under way keeps the one in force at ' +
        'its entry. Ids and site codes of places are one of a kind among all operators.',
      roles: ['parking'],
      params: schemas.placeParams,
      body: schemas.placeBody,
      example: examples.place,
      responses: {
        200: { description: 'The place as stored.', schema: schemas.placeView },
        409: { description: 'CONFLICT_STATE: the site code is that of another place.' },
      },
      async handle({ params: { placeId }, body, principal: { tenantId: operatorId } }) {
        const { rateTable, ...rest } = body;
        const place = { placeId, operatorId, ...rest };
        const outcome = await putParkingPlace(pool, {
          ...place,
          rateTable,
          rateTableHash: requestHash(rateTable ?? null),
          at: new Date(),
        });
        if (outcome.kind === 'UNKNOWN_OPERATOR') throw notFound('operator');
        if (outcome.kind === 'NOT_OURS') throw notFound('place');
        if (outcome.kind === 'SITE_CODE_TAKEN')
          throw new Problem('CONFLICT_STATE', `The site code ${body.siteCode} is that of another place.`);
        return {
          status: 200,
          body: { ...place, rateTable, rateTableVersion: outcome.rateTableVersion },
        };
      },
    }),
    route({
      method: 'get',
      path: '/v1/parking/places/{placeId}',
      tag: TAG,
      summary: 'A place as stored',
      description: 'For its operator, and for drivers.',
      roles: ['parking', 'device', 'admin'],
      params: schemas.placeParams,
      responses: { 200: { description: 'The place.', schema: schemas.placeView } },
      async handle({ params, principal: { role, tenantId } }) {
        const found = await findParkingPlace(pool, params.placeId);
        if (found === undefined || (role === 'parking' && found.operatorId !== tenantId))
          throw notFound('place');
        return { status: 200, body: found };
      },
    }),
  ];
}

function sessionRoutes(deps: ApiDeps): Route[] {
  const { pool } = deps;
  return [
    route({
      method: 'put',
      path: '/v1/parking/sessions/{sessionId}',
      tag: TAG,
      summary: 'Tell of an entry or an exit',
      description:
        'In any order, any number of times: what was told stays, what is left out changes nothing, so an entry that comes after its exit opens nothing.',
      roles: ['parking'],
      params: schemas.sessionParams,
      body: schemas.sessionBody,
      example: examples.session,
      responses: {
        200: { description: 'The session as it is known now.', schema: schemas.sessionView, headers: HIT },
        422: { description: 'IDEMPOTENCY_MISMATCH: a part of it was told otherwise before.' },
      },
      async handle({ params, body, principal: { tenantId: operatorId } }) {
        const outcome = await putParkingSession(pool, { operatorId, ...params, ...body });
        const reply = sessionReply(outcome);
        // Also when it is told again: the one who was to be woken may not have been.
        if (outcome.kind === 'STORED' && outcome.session.endedAt !== undefined)
          await wakeStay(deps, outcome.session);
        return reply;
      },
    }),
    route({
      method: 'get',
      path: '/v1/parking/sessions/{sessionId}',
      tag: TAG,
      summary: 'A session as it is known',
      roles: ['parking'],
      params: schemas.sessionParams,
      responses: { 200: { description: 'The session.', schema: schemas.sessionView } },
      async handle({ params: { sessionId }, principal: { tenantId } }) {
        const found = await findParkingSession(pool, tenantId, sessionId);
        if (found === undefined) throw notFound('session');
        return { status: 200, body: found };
      },
    }),
  ];
}

function sessionReply(outcome: PutSessionOutcome): Reply {
  switch (outcome.kind) {
    case 'STORED': {
      const session: ParkingSession = outcome.session;
      return { status: 200, body: session, headers: outcome.changed ? {} : { 'idempotency-hit': 'true' } };
    }
    case 'UNKNOWN_PLACE':
      throw notFound('place');
    case 'UNKNOWN_SPACE':
      throw badBody('/space', 'The place has no space of this name.');
    case 'DIFFERS':
      throw new Problem(
        'IDEMPOTENCY_MISMATCH',
        `This session was told with another ${outcome.fields.join(', ')}; what was told stays.`,
      );
  }
}

function badBody(pointer: string, detail: string): Problem {
  return invalidRequest([{ pointer, code: 'CUSTOM', detail, in: 'body' }]);
}

function driverRoutes(deps: ApiDeps): Route[] {
  const { pool } = deps;
  return [
    route({
      method: 'get',
      path: '/v1/parking/places',
      tag: TAG,
      summary: 'Where am I: by the code at the place, by position, or both',
      description:
        'Nearest first, with the distance in metres. The place of a code comes first, also where the position says otherwise: `agreement` tells.',
      roles: ['device'],
      query: schemas.placesQuery,
      responses: { 200: { description: 'The places.', schema: schemas.foundPlaces } },
      async handle({ query: { siteCode, lat, lon, radiusM = DEFAULT_RADIUS_M, limit = DEFAULT_LIMIT } }) {
        const from: Position | undefined = lat === undefined || lon === undefined ? undefined : { lat, lon };
        const near = from === undefined ? [] : await findPlacesNear(pool, from, radiusM, limit);
        if (siteCode === undefined) return { status: 200, body: { items: near } };
        const coded = await findPlaceBySiteCode(pool, siteCode, from);
        const items = [
          ...(coded === undefined ? [] : [coded]),
          ...near.filter((it) => it.placeId !== coded?.placeId),
        ];
        const body = { items: items.slice(0, limit) };
        if (from === undefined) return { status: 200, body };
        return { status: 200, body: { ...body, agreement: agreementOf(coded, radiusM) } };
      },
    }),
    route({
      method: 'post',
      path: '/v1/parking/fee-estimates',
      tag: TAG,
      summary: 'What would a stay cost',
      description:
        'By the rate table of a place as it is now, or by one that is sent. Nothing is stored and nothing is promised: a quote is.',
      roles: ['admin', 'merchant', 'device', 'issuer', 'parking', 'service'],
      body: schemas.estimateBody,
      example: examples.estimate,
      responses: {
        200: { description: 'The fee, line by line.', schema: schemas.feeSchema },
        409: { description: 'CONFLICT_STATE: the place has no rate table; its operator says the fees.' },
      },
      async handle({ body }) {
        return { status: 200, body: await estimateFee(pool, body) };
      },
    }),
  ];
}

function agreementOf(coded: FoundPlace | undefined, radiusM: number): 'AGREE' | 'DISAGREE' | 'CODE_UNKNOWN' {
  if (coded === undefined) return 'CODE_UNKNOWN';
  return (coded.distanceM ?? Infinity) <= radiusM ? 'AGREE' : 'DISAGREE';
}
