import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/**
 * `npm run webhook:replay -- EVENT_ID...` or `-- --failed`: delivers merchant events again, through the admin API, so it
 * works from wherever the API is reached.
 */
const USAGE = `Usage: npm run webhook:replay -- EVENT_ID...      deliver these events again, now
       npm run webhook:replay -- --status FAILED  deliver all that were given up
       npm run webhook:replay -- --status PENDING deliver all that wait for their next try
KESSAI_URL and KESSAI_ADMIN_KEY say where; without them the local stack of npm start is meant.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { status: { type: 'string' }, help: { type: 'boolean', default: false } },
});
const isStatus = values.status === undefined || ['FAILED', 'PENDING', 'DELIVERED'].includes(values.status);
if (values.help || !isStatus || (positionals.length === 0) === (values.status === undefined)) {
  console.error(USAGE);
  process.exit(values.help ? 0 : 1);
}

const { url, key } = target();
const eventIds = values.status === undefined ? positionals : await eventsOf(values.status);
let failed = 0;
for (const eventId of eventIds) {
  const response = await call('POST', `/v1/webhook-events/${encodeURIComponent(eventId)}/replay`);
  if (response.status === 202) console.log(`${eventId}: under way`);
  else {
    failed += 1;
    const { detail } = (await response.json()) as { detail?: string };
    console.error(`${eventId}: ${response.status} ${detail ?? ''}`);
  }
}
console.log(`${eventIds.length - failed} of ${eventIds.length} under way.`);
process.exitCode = failed > 0 ? 1 : 0;

async function eventsOf(status: string): Promise<string[]> {
  const found: string[] = [];
  let after = '';
  do {
    const response = await call('GET', `/v1/webhook-events?status=${status}&limit=200${after}`);
    if (!response.ok) throw new Error(`the list answered ${response.status}`);
    const page = (await response.json()) as { items: { eventId: string }[]; nextCursor: string | null };
    found.push(...page.items.map((it) => it.eventId));
    after = page.nextCursor === null ? '' : `&after=${page.nextCursor}`;
  } while (after !== '');
  return found;
}

function call(method: string, path: string): Promise<Response> {
  return fetch(url + path, { method, headers: { authorization: `Bearer ${key}` } });
}

function target(): { url: string; key: string } {
  const { KESSAI_URL: given, KESSAI_ADMIN_KEY: adminKey } = process.env;
  if (given !== undefined && adminKey !== undefined) return { url: given, key: adminKey };
  const file = '.kessai/dev.json';
  if (!existsSync(file)) {
    console.error(USAGE);
    process.exit(1);
  }
  const dev = JSON.parse(readFileSync(file, 'utf8')) as { baseUrl: string; keys: { admin: string } };
  return { url: dev.baseUrl, key: dev.keys.admin };
}
