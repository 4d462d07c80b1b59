import { Ajv2020 } from 'ajv/dist/2020.js';
import { apiClient } from './client.ts';

/** What tests read of the document at `/openapi.json`. */
export interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>;
    readonly headers: Readonly<Record<string, unknown>>;
  };
}

export interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { name: string; in: string; required: boolean }[];
  readonly responses: Readonly<Record<string, DocumentedResponse>>;
}

interface DocumentedResponse {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, unknown>>;
}

export async function readOpenApi(baseUrl: string): Promise<OpenApi> {
  return (await apiClient(baseUrl)<OpenApi>('GET', '/openapi.json')).body;
}

/** `GET /v1/me 429` for each that this API has answered, by its own metrics, and does not document. */
export async function undocumentedAnswers(baseUrl: string): Promise<string[]> {
  const { paths } = await readOpenApi(baseUrl);
  const metrics = await (await fetch(`${baseUrl}/metrics`)).text();
  const seen = [...metrics.matchAll(/_count\{route="(\w+) ([^"]+)",status="(\d+)"\}/g)];
  if (seen.length === 0) throw new Error('the metrics know of no answer');
  return seen
    .filter(
      ([, method = '', path = '', status = '']) =>
        paths[path]?.[method.toLowerCase()]?.responses[status] === undefined,
    )
    .map((it) => it.slice(1).join(' '));
}

interface RealAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body?: unknown;
}

/**
 * Says where a real answer is not as the document has it: its status, its media type, its headers (of those that the
 * document knows at all), its body. `operation` is written `GET /v1/users/{userId}`.
 */
export function answerChecker(document: OpenApi): (operation: string, answer: RealAnswer) => string[] {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(document, 'openapi');
  const known = Object.keys(document.components.headers);

  return (operation, { status, headers, body }) => {
    const [method = '', path = ''] = operation.split(' ');
    const documented = document.paths[path]?.[method.toLowerCase()]?.responses[status];
    if (documented === undefined) return [`${operation} does not document ${status}`];
    const faults = headerFaults(known, documented, headers);
    const type = headers.get('content-type')?.split(';')[0];
    const types = Object.keys(documented.content ?? {});
    if (type === undefined) return types.length === 0 ? faults : [...faults, 'a body is missing'];
    if (!types.includes(type)) return [...faults, `${type} is not documented`];
    if (!/[/+]json$/.test(type)) return faults;
    const pointer = ['paths', path, method.toLowerCase(), 'responses', status, 'content', type, 'schema'];
    const validate = ajv.compile({ $ref: `openapi#/${pointer.map(escapePointer).join('/')}` });
    if (validate(body)) return faults;
    const bodyFaults = (validate.errors ?? []).map((it) => `${it.instancePath} ${it.message ?? ''}`);
    return [...faults, ...bodyFaults];
  };
}

function headerFaults(known: readonly string[], documented: DocumentedResponse, sent: Headers): string[] {
  return known
    .filter((name) => sent.has(name) && documented.headers?.[name] === undefined)
    .map((name) => `${name} is sent and not documented`);
}

/** RFC 6901 within a URI fragment. */
function escapePointer(part: string | number): string {
  return encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1'));
}
