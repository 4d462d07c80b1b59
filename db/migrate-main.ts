import { migrate } from './migrate.ts';

const databaseUrl = process.env.DATABASE_URL;
if (databaseUrl === undefined || databaseUrl === '') {
  console.error(
    'DATABASE_URL is not set: say which database to migrate, e.g. postgres://user:password@host/kessai',
  );
  process.exit(1);
}
try {
  const applied = await migrate(databaseUrl, console.warn);
  console.log(applied.length === 0 ? 'The database is up to date.' : `Applied: ${applied.join(', ')}`);
} catch (error) {
  console.error(
    `Migration failed, nothing of the failed step was kept: ${error instanceof Error ? error.message : String(error)}`,
  );
  process.exit(1);
}
