// `npm run check`: fails when the entities say something else than the migrations made.
import { connect } from '../../server/database/connect.js';
import { migrate } from '../../server/database/migrate.js';

const url = process.env['TEST_DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const admin = await connect({ url }, 1);
const name = `zgoda_drift_${process.pid}`;
await admin.query(`create database ${name}`);
const fresh = new URL(url);
fresh.pathname = `/${name}`;
const db = await connect({ url: fresh.href }, 2);
try {
  await migrate(db);
  const log = await db.source.driver.createSchemaBuilder().log();
  for (const query of log.upQueries) console.error(`drift: ${query.query}`);
  if (log.upQueries.length > 0) process.exitCode = 1;
  else console.log('entities and migrations agree');
} finally {
  await db.close();
  await admin.query(`drop database ${name} with (force)`);
  await admin.close();
}
