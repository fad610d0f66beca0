import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Whom of a list a campaign goes to: by language, topic, attribute, day of joining. All that is asked of a million consents stands in one index, so that
 * counting them reads nothing else; who is held back, and why, is found from the other side.
 */
export class Audience1764930000000 implements MigrationInterface {
  readonly name = 'Audience1764930000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
    await patchClaim(runner, CLAIM);
  }

  async down(runner: QueryRunner): Promise<void> {
    await patchClaim(
      runner,
      CLAIM.map(([from, to]) => [to, from]),
    );
    await runner.query(DOWN);
  }
}

const UP = `
alter table organisation add column attributes jsonb not null default '[]';
alter table list add column topics jsonb not null default '[]';

alter table subscriber add column attributes bytea;
create index subscriber_suppression on subscriber (suppression_hash) include (organisation_id, id);
create index subscriber_held on subscriber (id) include (restricted_at, erased_at) where restricted_at is not null or erased_at is not null;

alter table consent add column language text, add column topics text[] not null default '{}';
update consent c set language = s.language from subscriber s where s.id = c.subscriber_id;
alter table consent alter column language set not null;
drop index consent_audience;
create index consent_audience on consent (purpose_id, subscriber_id) include (id, state, basis, language, confirmed_at, state_at, topics);
create index consent_steered on consent (purpose_id, subscriber_id) include (id, frequency, paused_until)
  where state = 'confirmed' and (frequency <> 'all' or paused_until is not null);

-- Fan-out goes by subscriber now; nobody is queued twice.
update campaign set cursor = null where fanned_out_at is null;

create table attribute_mark (
  mark bytea not null,
  subscriber_id uuid not null,
  constraint attribute_mark_pk primary key (mark, subscriber_id),
  constraint attribute_mark_subscriber_fk foreign key (subscriber_id) references subscriber (id)
);
create index attribute_mark_subscriber on attribute_mark (subscriber_id);
-- Planner statistics copy values out of the rows, and would outlive an erasure (T4).
alter table attribute_mark alter column mark set statistics 0;

create table segment (
  id uuid not null,
  list_id uuid not null,
  name text not null,
  filter jsonb not null,
  created_at timestamptz not null,
  seal bytea not null,
  constraint segment_pk primary key (id),
  constraint segment_list_fk foreign key (list_id) references list (id),
  constraint segment_name_key unique (list_id, name)
);

alter type claimed_delivery add attribute topics text[], add attribute attributes bytea;
`;

const DOWN = `
alter type claimed_delivery drop attribute attributes, drop attribute topics;
drop table segment;
drop table attribute_mark;
drop index consent_steered;
drop index consent_audience;
create index consent_audience on consent (purpose_id, state, id);
alter table consent drop column topics, drop column language;
drop index subscriber_held;
drop index subscriber_suppression;
alter table subscriber drop column attributes;
alter table list drop column topics;
alter table organisation drop column attributes;
`;

/** Topics are part of what a consent's seal covers; attributes come along for the texts of campaigns. */
const CLAIM: readonly (readonly [string, string])[] = [
  ['c.seal as consent_seal,', 'c.seal as consent_seal, c.topics, s.attributes,'],
  ['j.consent_seal, j.is_followed', 'j.consent_seal, j.is_followed, j.topics, j.attributes'],
];

// The function as it is, but for these places: other migrations may change the rest.
async function patchClaim(runner: QueryRunner, changes: readonly (readonly [string, string])[]): Promise<void> {
  const [row] = (await runner.query(
    `select pg_get_functiondef('claim_deliveries(uuid, timestamptz, timestamptz, text[], integer)'::regprocedure) as text`,
  )) as { text: string }[];
  let text = row?.text ?? '';
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error('claim_deliveries is not as it was');
    text = text.replace(from, () => to);
  }
  await runner.query(text);
}
