import { parseArgs } from 'node:util';
import { createKey, ROLES, type Role } from './key.ts';
import { createPool } from './pool.ts';

/** `npm run key:create`: the first key of a deployment. Later ones come from `POST /v1/keys`. */
const { values } = parseArgs({
  options: {
    role: { type: 'string', default: 'admin' },
    tenant: { type: 'string', default: 'kessai' },
    name: { type: 'string', default: 'made on the command line' },
  },
});
const roles = ROLES.filter((role) => role !== 'device');
const databaseUrl = process.env.DATABASE_URL ?? '';
if (databaseUrl === '' || !roles.includes(values.role as never)) {
  console.error(
    `Usage: DATABASE_URL=... npm run key:create -- --role ${roles.join('|')} --tenant ID --name TEXT`,
  );
  process.exit(1);
}
const pool = createPool(databaseUrl, { max: 1, name: 'kessai-create-key' });
try {
  const made = await createKey(pool, {
    role: values.role as Role,
    tenantId: values.tenant,
    name: values.name,
  });
  console.log(`${made.keyId}\n${made.key}\nThe key is shown only now.`);
} catch (error) {
  console.error(`No key was made: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await pool.end();
}
