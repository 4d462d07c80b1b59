import { z } from 'zod';
import { PROBLEMS, type ProblemCode } from './problem.ts';
import { RESPONSE_HEADERS, type ResponseDoc, type ResponseHeader, type Route } from './route.ts';

type Json = Record<string, unknown>;

const PROBLEM_SCHEMA = {
  type: 'object',
  description: 'RFC 9457. `errors` lists every fault of the request.',
  required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string', enum: Object.keys(PROBLEMS) },
    requestId: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'code', 'detail'],
        properties: {
          pointer: { type: 'string', description: 'JSON pointer (RFC 6901)' },
          code: { type: 'string' },
          detail: { type: 'string' },
          in: { enum: ['body', 'query', 'path', 'header'] },
        },
      },
    },
  },
};

/** Headers that come with a problem of this status, whatever the route. */
const PROBLEM_HEADERS: Readonly<Record<number, readonly ResponseHeader[]>> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

/** The OpenAPI 3.1 document of these routes, out of the schemas that check the requests. */
export function openApiDocument(routes: readonly Route[]): Json {
  const components: Json = { Problem: PROBLEM_SCHEMA };
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    (paths[route.path] ??= {})[route.method] = operation(route, components);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Kessai',
      version: '1',
      description:
        'Cashless-payment operations as durable processes. Amounts are integers in minor units; times are RFC 3339 in UTC. ' +
        "The caller's own id is the idempotency key, for good: the same id with the same body gives the same answer and " +
        '`Idempotency-Hit: true`, with another body 422.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ key: [] }],
    paths,
    components: {
      schemas: components,
      headers: Object.fromEntries(
        Object.entries(RESPONSE_HEADERS).map(([name, description]) => [
          name,
          { description, schema: { type: 'string' } },
        ]),
      ),
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key or a device token.' },
      },
    },
  };
}

function operation(route: Route, components: Json): Json {
  const roles =
    route.roles === 'public' ? 'No key is needed.' : `For keys of role ${route.roles.join(', ')}.`;
  return {
    tags: [route.tag],
    operationId: `${route.method}${route.path.replaceAll(/[^A-Za-z0-9]+(\w)?/g, (_, c?: string) => (c ?? '').toUpperCase())}`,
    summary: route.summary,
    description: [route.description, roles].filter((it) => it !== undefined).join('\n\n'),
    ...(route.roles === 'public' ? { security: [] } : {}),
    parameters: [
      ...parameters(route.params, 'path'),
      ...parameters(route.query, 'query'),
      ...parameters(route.requestHeaders, 'header'),
    ],
    ...(route.body === undefined ? {} : { requestBody: requestBody(route, route.body) }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.responses).map(([status, doc]) => [
          status,
          response(Number(status), doc, components),
        ]),
      ),
      ...problems(route),
    },
  };
}

function requestBody(route: Route, body: z.ZodType): Json {
  return {
    required: route.upload !== undefined || !body.safeParse({}).success,
    content: {
      [route.upload?.type ?? 'application/json']: {
        schema: route.upload === undefined ? jsonSchema(body, 'input') : { type: 'string' },
        ...(route.example === undefined ? {} : { example: route.example }),
      },
    },
  };
}

function response(status: number, doc: ResponseDoc, components: Json): Json {
  if (status >= 400) return problemResponse(status, doc.description, doc.headers);
  const answer = { description: doc.description, headers: headers(doc.headers) };
  const texts = (doc.produces ?? []).map((type) => [type, { schema: { type: 'string' } }] as const);
  if (doc.schema === undefined)
    return texts.length === 0 ? answer : { ...answer, content: Object.fromEntries(texts) };
  const id = doc.schema.meta()?.id;
  const schema = jsonSchema(doc.schema, 'output');
  if (id !== undefined) components[id] = schema;
  const content = {
    schema: id === undefined ? schema : { $ref: `#/components/schemas/${id}` },
    ...(doc.example === undefined ? {} : { example: doc.example }),
  };
  return { ...answer, content: { 'application/json': content, ...Object.fromEntries(texts) } };
}

function headers(names: readonly ResponseHeader[] = []): Json {
  return Object.fromEntries(
    [...names, 'X-Request-Id'].map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );
}

/** The problems that a route can have by its shape; its own ones are among its responses. */
function problems(route: Route): Json {
  const codes: ProblemCode[] = ['RATE_LIMITED', 'INTERNAL', 'UNAVAILABLE'];
  if (route.roles !== 'public') codes.push('UNAUTHENTICATED', 'FORBIDDEN_ROLE');
  if (route.params !== undefined) codes.push('NOT_FOUND');
  codes.push('INVALID_REQUEST');
  if (route.body !== undefined)
    codes.push('PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'IDEMPOTENCY_MISMATCH');
  return Object.fromEntries(
    codes
      .filter((code) => route.responses[PROBLEMS[code]] === undefined)
      .map((code) => [String(PROBLEMS[code]), problemResponse(PROBLEMS[code], code)]),
  );
}

function problemResponse(status: number, description: string, more: readonly ResponseHeader[] = []): Json {
  return {
    description,
    headers: headers([...(PROBLEM_HEADERS[status] ?? []), ...more]),
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

function parameters(schema: z.ZodType | undefined, place: 'path' | 'query' | 'header'): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: property,
  }));
}

/** JSON Schema 2020-12, which OpenAPI 3.1 uses as it is; nested ids are written out in place. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const {
    $schema: _,
    id: __,
    ...rest
  } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    reused: 'inline',
    metadata: z.registry(),
    override: ({ zodSchema, jsonSchema: target }) => {
      const { id: ___, ...meta } = z.globalRegistry.get(zodSchema as unknown as z.ZodType) ?? {};
      Object.assign(target, meta);
    },
  }) as Json;
  return rest;
}
