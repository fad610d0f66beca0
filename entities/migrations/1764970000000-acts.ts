import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Whoever schedules, pauses, resumes or cancels a campaign is written down, as whoever releases it. The claim tells addresses that bounced or complained from
 * others that must not be mailed, and judges anew whether somebody lies in the chosen part of the list. Staff correct what is known of a person. It is known since when no server takes our mail, and each mail waits only so long for one.
 */
export class Acts1764970000000 implements MigrationInterface {
  readonly name = 'Acts1764970000000';

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
alter table campaign_act drop constraint campaign_act_what, add constraint campaign_act_what
  check (what in ('asked', 'returned', 'released', 'scheduled', 'unscheduled', 'paused', 'resumed', 'cancelled'));

alter table access_log drop constraint access_log_what, add constraint access_log_what
  check (what in ('search', 'view', 'receipt', 'unmask', 'send', 'export', 'correct'));

alter table delivery add column failing_since timestamptz;
alter type claimed_delivery add attribute failing_since timestamptz;
create table outage (
  id smallint not null,
  since timestamptz not null,
  tried_at timestamptz not null,
  reply text not null,
  constraint outage_one check (id = 1),
  constraint outage_pk primary key (id)
);

alter table campaign add column narrow_languages text[], add column narrow_topics text[], add column narrow_marks bytea[];
`;

// What nobody could have written before does not go away: acts are append-only.
const DOWN = `
drop table outage;
alter type claimed_delivery drop attribute failing_since;
alter table delivery drop column failing_since;
alter table campaign drop column narrow_marks, drop column narrow_topics, drop column narrow_languages;
alter table campaign_act drop constraint campaign_act_what, add constraint campaign_act_what
  check (what in ('asked', 'returned', 'released')) not valid;
alter table access_log drop constraint access_log_what, add constraint access_log_what
  check (what in ('search', 'view', 'receipt', 'unmask', 'send', 'export')) not valid;
`;

const CLAIM: readonly (readonly [string, string])[] = [
  ['c.topics, s.attributes,', 'c.topics, s.attributes, d.failing_since,'],
  ['j.topics, j.attributes', 'j.topics, j.attributes, j.failing_since'],
  [
    `when d.kind <> 'notice' and exists (select 1 from suppression x where`,
    `when d.kind <> 'notice' then (select case min(case x.reason when 'complaint' then 1 when 'bounce' then 3 else 2 end)
            when 1 then 'complained' when 2 then 'suppressed' when 3 then 'bounced' end from suppression x where`,
  ],
  [`else true end) then 'suppressed'`, `else true end)`],
  [
    `when d.kind in ('campaign', 'gateway') and c.paused_until > at then 'paused'`,
    `when k.narrow_topics is not null and c.topics <> '{}' and not c.topics && k.narrow_topics then 'topic'
        when k.narrow_languages is not null and not c.language = any(k.narrow_languages)
          or k.narrow_marks is not null and (select count(*) from attribute_mark m
            where m.subscriber_id = d.subscriber_id and m.mark = any(k.narrow_marks)) < cardinality(k.narrow_marks) then 'narrowed'
        when d.kind in ('campaign', 'gateway') and c.paused_until > at then 'paused'`,
  ],
  [
    'left join list l on l.id = c.purpose_id)',
    `left join list l on l.id = c.purpose_id
    left join campaign k on k.id = d.message_id and d.kind = 'campaign')`,
  ],
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
