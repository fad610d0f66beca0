import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Campaigns go out at a time and at a pace, are paused, resumed and cancelled. Their mails are picked campaign by campaign, so that those of a paused one cost
 * nothing, however many wait.
 */
export class Sending1764920000000 implements MigrationInterface {
  readonly name = 'Sending1764920000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(UP);
    await patchClaim(runner, PICKED_BY_TIME, PICKED_BY_CAMPAIGN);
  }

  async down(runner: QueryRunner): Promise<void> {
    await patchClaim(runner, PICKED_BY_CAMPAIGN, PICKED_BY_TIME);
    await runner.query(DOWN);
  }
}

const PICKED_BY_TIME = `select array_agg(p.message_id), array_agg(p.subscriber_id) into messages, subscribers from (
    select d.message_id, d.subscriber_id from delivery d
    where d.state in ('queued', 'deferred', 'unknown') and d.due_at <= at and d.kind = any(kinds)
    order by d.due_at limit most for update skip locked) p;`;
const PICKED_BY_CAMPAIGN = `select p.messages, p.subscribers into messages, subscribers from pick_deliveries(at, kinds, most) p;`;

const UP = `
alter table campaign drop constraint campaign_state;
alter table campaign add constraint campaign_state check (state in ('draft', 'scheduled', 'sending', 'paused', 'sent', 'cancelled'));
create index campaign_moving on campaign (released_at) where state in ('scheduled', 'sending');

-- Of campaigns that do not go as fast as they can.
create table campaign_pace (
  campaign_id uuid not null,
  per_second integer,
  warm_up integer,
  started_at timestamptz not null,
  tokens double precision not null default 1,
  filled_at timestamptz not null,
  day integer not null default 0,
  taken integer not null default 0,
  halts smallint not null default 0,
  halted_until timestamptz,
  halt_reason text,
  is_probing boolean not null default false,
  constraint campaign_pace_pk primary key (campaign_id),
  constraint campaign_pace_campaign_fk foreign key (campaign_id) references campaign(id) on delete cascade
);

-- Which processes send mail, and when they last said so.
create table sender (
  id uuid not null,
  seen_at timestamptz not null,
  constraint sender_pk primary key (id)
);

drop index delivery_due;
create index delivery_due on delivery (due_at) where kind <> 'campaign' and state in ('queued', 'deferred', 'unknown');
create index delivery_campaign_due on delivery (message_id, due_at) where kind = 'campaign' and state in ('queued', 'deferred', 'unknown');

-- Up to \`most\` due mails, locked. Of campaigns only those that are being sent, each as fast as it may; what waits in others is not looked at.
create function pick_deliveries(at timestamptz, kinds text[], most integer, out messages uuid[], out subscribers uuid[])
language plpgsql as $$
declare
  campaigns uuid[];
  pace campaign_pace;
  is_paced boolean;
  today integer;
  may integer;
  room integer := most;
  picked uuid[];
begin
  if 'campaign' = any(kinds) then
    select array_agg(c.id order by random()) into campaigns from campaign c
    where c.state = 'sending' and exists (select from delivery d
      where d.message_id = c.id and d.kind = 'campaign' and d.state in ('queued', 'deferred', 'unknown') and d.due_at <= at);
  end if;

  -- What is no campaign gets half of the room at most while one is under way.
  select array_agg(p.message_id), array_agg(p.subscriber_id) into messages, subscribers from (
    select d.message_id, d.subscriber_id from delivery d
    where d.kind <> 'campaign' and d.state in ('queued', 'deferred', 'unknown') and d.due_at <= at and d.kind = any(kinds)
    order by d.due_at limit case when campaigns is null then most else (most + 1) / 2 end for update skip locked) p;
  room := room - coalesce(cardinality(messages), 0);

  for i in 1 .. coalesce(cardinality(campaigns), 0) loop
    exit when room <= 0;
    may := ceil(room / (cardinality(campaigns) - i + 1.0));
    select * into pace from campaign_pace p where p.campaign_id = campaigns[i] for update skip locked;
    is_paced := found;
    if is_paced then
      if pace.halted_until > at then continue; end if;
      -- One mail tries whether we are taken again.
      if pace.halts > 0 then may := least(may, 1); end if;
      if pace.per_second is not null then
        pace.tokens := least(pace.per_second, pace.tokens + pace.per_second * greatest(0, extract(epoch from at - pace.filled_at)));
        pace.filled_at := at;
        may := least(may, floor(pace.tokens));
      end if;
      today := greatest(0, floor(extract(epoch from at - pace.started_at) / 86400));
      if pace.day <> today then
        pace.day := today;
        pace.taken := 0;
      end if;
      -- Twice as many each day.
      if pace.warm_up is not null then may := least(may, least(pace.warm_up * power(2, least(today, 30)), 2e9) - pace.taken); end if;
    elsif exists (select from campaign_pace p where p.campaign_id = campaigns[i]) then
      -- Another worker takes of it at this moment.
      continue;
    end if;
    continue when may <= 0;

    select array_agg(p.subscriber_id) into picked from (
      select d.subscriber_id from delivery d
      where d.message_id = campaigns[i] and d.kind = 'campaign' and d.state in ('queued', 'deferred', 'unknown') and d.due_at <= at
      order by d.due_at limit may for update skip locked) p;
    continue when picked is null;
    messages := messages || array_fill(campaigns[i], array[cardinality(picked)]);
    subscribers := subscribers || picked;
    room := room - cardinality(picked);
    if is_paced then
      update campaign_pace p set tokens = pace.tokens - cardinality(picked), filled_at = pace.filled_at,
        day = pace.day, taken = pace.taken + cardinality(picked), is_probing = pace.halts > 0,
        halted_until = case when pace.halts > 0 then at + interval '2 minutes' end
      where p.campaign_id = campaigns[i];
    end if;
  end loop;
end $$;
`;

const DOWN = `
drop function pick_deliveries;
drop index delivery_campaign_due;
drop index delivery_due;
create index delivery_due on delivery (due_at) where state in ('queued', 'deferred', 'unknown');
drop table sender;
drop table campaign_pace;
drop index campaign_moving;
alter table campaign drop constraint campaign_state;
update campaign set state = 'cancelled' where state = 'scheduled';
alter table campaign add constraint campaign_state check (state in ('draft', 'sending', 'paused', 'sent', 'cancelled'));
`;

// The function as it is, but for these lines: other migrations may change the rest.
async function patchClaim(runner: QueryRunner, from: string, to: string): Promise<void> {
  const [row] = (await runner.query(
    `select pg_get_functiondef('claim_deliveries(uuid, timestamptz, timestamptz, text[], integer)'::regprocedure) as text`,
  )) as { text: string }[];
  if (!row?.text.includes(from)) throw new Error('claim_deliveries is not as it was');
  await runner.query(row.text.replace(from, () => to));
}
