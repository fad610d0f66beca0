import { Init1764000000000 } from '../../entities/migrations/1764000000000-init.js';
import { Attachments1764100000000 } from '../../entities/migrations/1764100000000-attachments.js';
import { Attestations1764200000000 } from '../../entities/migrations/1764200000000-attestations.js';
import { LogKeys1764300000000 } from '../../entities/migrations/1764300000000-log-keys.js';
import { Records1764400000000 } from '../../entities/migrations/1764400000000-records.js';
import { People1764500000000 } from '../../entities/migrations/1764500000000-people.js';
import { Erasure1764600000000 } from '../../entities/migrations/1764600000000-erasure.js';
import { AnchorInterval1764750000000 } from '../../entities/migrations/1764750000000-anchor-interval.js';
import { AskedAnew1764850000000 } from '../../entities/migrations/1764850000000-asked-anew.js';
import { CampaignSettings1764890000000 } from '../../entities/migrations/1764890000000-campaign-settings.js';
import { Pictures1764960000000 } from '../../entities/migrations/1764960000000-pictures.js';
import { Audience1764930000000 } from '../../entities/migrations/1764930000000-audience.js';
import { Formats1764900000000 } from '../../entities/migrations/1764900000000-formats.js';
import { CampaignCheck1764910000000 } from '../../entities/migrations/1764910000000-campaign-check.js';
import { DestroyedDkimKeys1764950000000 } from '../../entities/migrations/1764950000000-destroyed-dkim-keys.js';
import { Sending1764920000000 } from '../../entities/migrations/1764920000000-sending.js';
import { Bounces1764810000000 } from '../../entities/migrations/1764810000000-bounces.js';
import { Dkim1764830000000 } from '../../entities/migrations/1764830000000-dkim.js';
import { Webhooks1764840000000 } from '../../entities/migrations/1764840000000-webhooks.js';
import { Reply1764700000000 } from '../../entities/migrations/1764700000000-reply.js';
import { Gateway1764820000000 } from '../../entities/migrations/1764820000000-gateway.js';
import { CampaignResults1764940000000 } from '../../entities/migrations/1764940000000-campaign-results.js';
import { Acts1764970000000 } from '../../entities/migrations/1764970000000-acts.js';
import { ClaimByKey1764980000000 } from '../../entities/migrations/1764980000000-claim-by-key.js';
import { SettleAndClaim1764990000000 } from '../../entities/migrations/1764990000000-settle-and-claim.js';
import type { Database } from './connect.js';

/** All migrations, oldest first. */
const MIGRATIONS = [
  new Init1764000000000(),
  new Attachments1764100000000(),
  new Attestations1764200000000(),
  new LogKeys1764300000000(),
  new Records1764400000000(),
  new People1764500000000(),
  new Erasure1764600000000(),
  new Reply1764700000000(),
  new AnchorInterval1764750000000(),
  new Bounces1764810000000(),
  new Gateway1764820000000(),
  new Dkim1764830000000(),
  new Webhooks1764840000000(),
  new AskedAnew1764850000000(),
  new CampaignSettings1764890000000(),
  new Formats1764900000000(),
  new CampaignCheck1764910000000(),
  new Sending1764920000000(),
  new Audience1764930000000(),
  new CampaignResults1764940000000(),
  new DestroyedDkimKeys1764950000000(),
  new Pictures1764960000000(),
  new Acts1764970000000(),
  new ClaimByKey1764980000000(),
  new SettleAndClaim1764990000000(),
];

/** Any number, the same for all processes: whoever holds it migrates, the others wait. */
const LOCK = 8_021_964;

/**
 * Brings the schema up to date in one transaction under a transaction-scoped lock, so that ten processes may start together.
 * Returns the names of the migrations that ran.
 */
export async function migrate(db: Database): Promise<string[]> {
  const runner = db.source.createQueryRunner();
  await runner.connect();
  try {
    await runner.startTransaction();
    await runner.query('select pg_advisory_xact_lock($1)', [LOCK]);
    await runner.query(
      'create table if not exists migration (id serial primary key, timestamp bigint not null, name varchar not null)',
    );
    const done = (await runner.query('select name from migration')) as { name: string }[];
    const missing = MIGRATIONS.filter((migration) => !done.some((row) => row.name === migration.name));
    for (const migration of missing) {
      await migration.up(runner);
      const timestamp = /\d+$/.exec(migration.name)?.[0];
      await runner.query('insert into migration (timestamp, name) values ($1, $2)', [timestamp, migration.name]);
    }
    await runner.commitTransaction();
    return missing.map((migration) => migration.name);
  } catch (error) {
    await runner.rollbackTransaction();
    throw error;
  } finally {
    await runner.release();
  }
}
