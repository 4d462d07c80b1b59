import type { z } from 'zod';
import { invalidRequest, type Fault } from './problem.ts';

/**
 * Parses one part of a request.
 * @throws Problem INVALID_REQUEST that lists every fault of the part
 */
export function parsePart<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  part: NonNullable<Fault['in']>,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.flatMap((issue) => faultsOf(issue, part));
  // One fault a place: a number that is no integer need not also hear that it is too big.
  throw invalidRequest(
    faults.filter((fault, i) => faults.findIndex((it) => it.pointer === fault.pointer) === i),
  );
}

function faultsOf(issue: z.core.$ZodIssue, part: NonNullable<Fault['in']>): Fault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: pointerOf([...issue.path, key]),
      code: 'UNKNOWN_FIELD',
      detail: 'This field is not known here.',
      in: part,
    }));
  }
  const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return [
    {
      pointer: pointerOf(issue.path),
      code: missing ? 'REQUIRED' : issue.code.toUpperCase(),
      detail: missing ? 'This field is required.' : issue.message,
      in: part,
    },
  ];
}

/** RFC 6901: `~` and `/` inside a name are escaped. */
function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
