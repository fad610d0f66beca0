// A service that is killed: owns the embedded database of the folder in its argument and prints the id of every row that was acknowledged.
import pg from 'pg';
import { startEmbedded } from '../../server/database/embedded.js';
import { makeLogger } from '../../server/logger.js';

const [dataDir = ''] = process.argv.slice(2);
const { host, port } = await startEmbedded({ dataDir, logger: makeLogger('silent') });
const client = new pg.Client({ host, port, user: 'postgres', database: 'postgres' });
await client.connect();

for (let id = 0; ; id++) {
  await client.query('insert into acknowledged (id) values ($1)', [id]);
  process.stdout.write(`${id}\n`);
}
