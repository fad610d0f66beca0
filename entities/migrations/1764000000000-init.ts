import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tables, partitions, guards and the claim, from the first day in the shape that later parts need (DESIGN.md 5). */
export class Init1764000000000 implements MigrationInterface {
  readonly name = 'Init1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    for (const table of ['consent_event', 'event_body', 'delivery']) {
      for (let part = 0; part < PARTITIONS; part += 1) await runner.query(partition(table, part));
    }
    await runner.query(GUARDS);
    for (const table of ['log_leaf', 'log_node', 'log_checkpoint', ...eventPartitions()]) {
      await runner.query(appendOnly(table));
    }
    await runner.query(QUEUE);
    await runner.query(STATISTICS);
    await runner.query(CLAIM);
  }

  async down(): Promise<void> {
    return Promise.reject(new Error('The first migration cannot be undone: drop the database instead.'));
  }
}

const PARTITIONS = 8;

const TABLES = `
create table installation (
  id smallint not null,
  key_check bytea not null,
  log_origin text not null,
  first_run_hash bytea,
  first_run_expires_at timestamptz,
  created_at timestamptz not null,
  constraint installation_one_row check (id = 1),
  constraint installation_pk primary key (id)
);

create table link_host (
  host text not null,
  first_used_at timestamptz not null,
  constraint link_host_pk primary key (host)
);

create table organisation (
  id uuid not null,
  slug text not null,
  name text not null,
  legal_name text not null,
  postal_address text not null,
  privacy_contact text not null,
  from_address text not null,
  public_url text,
  inbound_domain text,
  language text not null,
  jurisdiction text not null,
  time_zone text not null,
  created_at timestamptz not null,
  seal bytea,
  constraint organisation_slug_key unique (slug),
  constraint organisation_pk primary key (id)
);

create table notice (
  id uuid not null,
  organisation_id uuid not null,
  language text not null,
  version integer not null,
  body text not null,
  sha256 bytea not null,
  created_at timestamptz not null,
  constraint notice_version_key unique (organisation_id, language, version),
  constraint notice_pk primary key (id),
  constraint notice_organisation_fk foreign key (organisation_id) references organisation(id)
);

create table purpose (
  id uuid not null,
  organisation_id uuid not null,
  kind text not null,
  channel text not null,
  legal_basis text not null,
  created_at timestamptz not null,
  constraint purpose_kind check (kind in ('list', 'tracking', 'sharing', 'profiling')),
  constraint purpose_pk primary key (id),
  constraint purpose_organisation_fk foreign key (organisation_id) references organisation(id)
);

create table list (
  id uuid not null,
  organisation_id uuid not null,
  slug text not null,
  default_language text not null,
  accepted_bases text[] not null,
  created_at timestamptz not null,
  constraint list_slug_key unique (slug),
  constraint list_pk primary key (id),
  constraint list_purpose_fk foreign key (id) references purpose(id),
  constraint list_organisation_fk foreign key (organisation_id) references organisation(id)
);

create table list_text (
  list_id uuid not null,
  language text not null,
  name text not null,
  about text not null,
  frequency text not null,
  shared_with text not null,
  retention text not null,
  constraint list_text_pk primary key (list_id, language),
  constraint list_text_list_fk foreign key (list_id) references list(id)
);

create table wording (
  id uuid not null,
  purpose_id uuid not null,
  language text not null,
  version integer not null,
  label text not null,
  sha256 bytea not null,
  created_at timestamptz not null,
  constraint wording_version_key unique (purpose_id, language, version),
  constraint wording_pk primary key (id),
  constraint wording_purpose_fk foreign key (purpose_id) references purpose(id)
);

create table form (
  id text not null,
  list_id uuid not null,
  allowed_origins text[] not null,
  created_at timestamptz not null,
  constraint form_pk primary key (id),
  constraint form_list_fk foreign key (list_id) references list(id)
);

create table sign_up (
  id uuid not null,
  list_id uuid not null,
  wording_id uuid not null,
  source text not null,
  language text not null,
  blind_index bytea,
  suppression_hash bytea,
  evidence_key bytea,
  sealed bytea,
  requested_commitment bytea not null,
  consent_id uuid,
  outcome text,
  requested_at timestamptz not null,
  purge_at timestamptz,
  constraint sign_up_outcome check (outcome in ('confirm', 'already', 'blocked', 'budget', 'forged')),
  constraint sign_up_source check (source in ('form', 'settings', 'import', 'staff')),
  constraint sign_up_pk primary key (id),
  constraint sign_up_list_fk foreign key (list_id) references list(id),
  constraint sign_up_wording_fk foreign key (wording_id) references wording(id)
);

create index sign_up_purge on sign_up (purge_at) where purge_at is not null;

create index sign_up_consent on sign_up (consent_id);

create index sign_up_undecided on sign_up (requested_at) where outcome is null;

create table subscriber (
  id uuid not null,
  organisation_id uuid not null,
  blind_index bytea,
  suppression_hash bytea,
  profile_key bytea,
  address bytea,
  language text not null,
  restricted_at timestamptz,
  erased_at timestamptz,
  created_at timestamptz not null,
  constraint subscriber_index_key unique (organisation_id, blind_index),
  constraint subscriber_pk primary key (id),
  constraint subscriber_organisation_fk foreign key (organisation_id) references organisation(id)
);

create table consent (
  id uuid not null,
  subscriber_id uuid not null,
  purpose_id uuid not null,
  state text not null,
  basis text,
  sign_up_id uuid not null,
  last_event_id uuid,
  last_commitment bytea,
  frequency text not null,
  paused_until timestamptz,
  unsubscribe_ref bytea not null,
  preferences_ref bytea not null,
  mailto_ref bytea not null,
  state_at timestamptz not null,
  confirmed_at timestamptz,
  seal bytea not null,
  constraint consent_mailto_ref_key unique (mailto_ref),
  constraint consent_preferences_ref_key unique (preferences_ref),
  constraint consent_unsubscribe_ref_key unique (unsubscribe_ref),
  constraint consent_subscriber_purpose_key unique (subscriber_id, purpose_id),
  constraint consent_frequency check (frequency in ('all', 'weekly', 'monthly')),
  constraint consent_state check (state in ('pending', 'confirmed', 'refused', 'expired', 'withdrawn')),
  constraint consent_pk primary key (id),
  constraint consent_subscriber_fk foreign key (subscriber_id) references subscriber(id),
  constraint consent_purpose_fk foreign key (purpose_id) references purpose(id),
  constraint consent_sign_up_fk foreign key (sign_up_id) references sign_up(id)
);

create index consent_audience on consent (purpose_id, state, id);

create table offer (
  id uuid not null,
  sign_up_id uuid not null,
  consent_id uuid not null,
  event_id uuid not null,
  secret_hash bytea not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_by uuid,
  seal bytea not null,
  constraint offer_pk primary key (id),
  constraint offer_sign_up_fk foreign key (sign_up_id) references sign_up(id),
  constraint offer_consent_fk foreign key (consent_id) references consent(id)
);

create index offer_consent on offer (consent_id, created_at);

create index offer_sign_up on offer (sign_up_id);

create table consent_event (
  sign_up_id uuid not null,
  id uuid not null,
  kind text not null,
  commitment bytea not null,
  happened_at timestamptz not null,
  seal bytea not null,
  previous_id uuid,
  constraint consent_event_pk primary key (sign_up_id, id)
) partition by hash (sign_up_id);

create table event_body (
  sign_up_id uuid not null,
  event_id uuid not null,
  record bytea,
  address bytea,
  ip bytea,
  user_agent bytea,
  mail bytea,
  constraint event_body_pk primary key (sign_up_id, event_id)
) partition by hash (sign_up_id);

create table log_queue (
  event_id uuid not null,
  sign_up_id uuid not null,
  constraint log_queue_pk primary key (event_id)
);

create table log_leaf (
  leaf_index bigint not null,
  event_id uuid not null,
  sign_up_id uuid not null,
  leaf_hash bytea not null,
  constraint log_leaf_event_key unique (event_id),
  constraint log_leaf_pk primary key (leaf_index)
);

create table log_node (
  level smallint not null,
  node_index bigint not null,
  hash bytea not null,
  constraint log_node_pk primary key (level, node_index)
);

create table log_checkpoint (
  size bigint not null,
  root bytea not null,
  frontier bytea not null,
  note text not null,
  signed_at timestamptz not null,
  constraint log_checkpoint_pk primary key (size)
);

create table suppression (
  organisation_id uuid not null,
  hash bytea not null,
  reason text not null,
  until timestamptz,
  created_at timestamptz not null,
  constraint suppression_reason check (reason in ('objection', 'not-me', 'bounce', 'complaint', 'staff')),
  constraint suppression_pk primary key (organisation_id, hash, reason),
  constraint suppression_organisation_fk foreign key (organisation_id) references organisation(id)
);

create table delivery (
  message_id uuid not null,
  subscriber_id uuid not null,
  kind text not null,
  template text not null,
  consent_id uuid,
  state text not null,
  reason text,
  due_at timestamptz not null,
  attempts smallint not null,
  lease_by uuid,
  lease_until timestamptz,
  reply text,
  settled_at timestamptz,
  seal bytea not null,
  constraint delivery_state check (state in ('queued', 'sending', 'sent', 'deferred', 'failed', 'skipped', 'unknown')),
  constraint delivery_kind check (kind in ('confirmation', 'campaign', 'gateway', 'transactional', 'notice')),
  constraint delivery_pk primary key (message_id, subscriber_id)
) partition by hash (message_id);

create index delivery_subscriber on delivery (subscriber_id);

create index delivery_in_flight on delivery (lease_until) where state = 'sending';

create index delivery_due on delivery (due_at) where state in ('queued', 'deferred', 'unknown');

create table campaign (
  id uuid not null,
  list_id uuid not null,
  subject text not null,
  format text not null,
  file_name text not null,
  source text not null,
  html text not null,
  text text not null,
  state text not null,
  cursor uuid,
  fanned_out_at timestamptz,
  created_at timestamptz not null,
  released_at timestamptz,
  finished_at timestamptz,
  seal bytea,
  constraint campaign_format check (format in ('html', 'mjml')),
  constraint campaign_state check (state in ('draft', 'sending', 'paused', 'sent', 'cancelled')),
  constraint campaign_pk primary key (id),
  constraint campaign_list_fk foreign key (list_id) references list(id)
);

create table magic_request (
  id uuid not null,
  organisation_id uuid not null,
  blind_index bytea not null,
  language text not null,
  requested_at timestamptz not null,
  decided_at timestamptz,
  seal bytea not null,
  constraint magic_request_pk primary key (id),
  constraint magic_request_organisation_fk foreign key (organisation_id) references organisation(id)
);

create index magic_request_undecided on magic_request (requested_at) where decided_at is null;

create table magic_link (
  id uuid not null,
  subscriber_id uuid not null,
  secret_hash bytea not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  constraint magic_link_pk primary key (id),
  constraint magic_link_subscriber_fk foreign key (subscriber_id) references subscriber(id)
);

create index magic_link_subscriber on magic_link (subscriber_id, created_at);

create table staff (
  id uuid not null,
  blind_index bytea not null,
  profile_key bytea not null,
  address bytea not null,
  role text not null,
  password_hash text,
  created_at timestamptz not null,
  seal bytea not null,
  constraint staff_index_key unique (blind_index),
  constraint staff_role check (role in ('owner', 'marketer', 'viewer')),
  constraint staff_pk primary key (id)
);

create table session (
  hash bytea not null,
  staff_id uuid,
  subscriber_id uuid,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  seal bytea not null,
  constraint session_owner check ((staff_id is null) <> (subscriber_id is null)),
  constraint session_pk primary key (hash),
  constraint session_staff_fk foreign key (staff_id) references staff(id) on delete cascade,
  constraint session_subscriber_fk foreign key (subscriber_id) references subscriber(id) on delete cascade
);

create index session_expiry on session (expires_at);

create table dkim_key (
  id uuid not null,
  organisation_id uuid not null,
  domain text not null,
  selector text not null,
  private_key bytea not null,
  public_key text not null,
  created_at timestamptz not null,
  constraint dkim_key_selector_key unique (domain, selector),
  constraint dkim_key_pk primary key (id),
  constraint dkim_key_organisation_fk foreign key (organisation_id) references organisation(id)
);
`;

function partition(table: string, part: number): string {
  return `create table ${table}_${part} partition of ${table} for values with (modulus ${PARTITIONS}, remainder ${part})`;
}

function eventPartitions(): string[] {
  return ['consent_event', ...Array.from({ length: PARTITIONS }, (_, part) => `consent_event_${part}`)];
}

const GUARDS = `
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;
`;

// Truncating a partition does not fire its parent's triggers, so every partition gets its own.
function appendOnly(table: string): string {
  const row = /_\d$/.test(table)
    ? ''
    : `create trigger ${table}_append_only before update or delete on ${table} for each row execute function refuse_change();`;
  return `${row} create trigger ${table}_no_truncate before truncate on ${table} for each statement execute function refuse_change();`;
}

// No event without a place in the queue of the log (P-22).
const QUEUE = `
create function queue_event() returns trigger language plpgsql as $$
begin
  insert into log_queue (event_id, sign_up_id) values (new.id, new.sign_up_id);
  return null;
end $$;
create trigger consent_event_queue after insert on consent_event for each row execute function queue_event();
`;

// Planner statistics copy values out of the rows, and would outlive an erasure (T4).
const STATISTICS = `
alter table subscriber alter column blind_index set statistics 0;
alter table subscriber alter column suppression_hash set statistics 0;
alter table sign_up alter column blind_index set statistics 0;
alter table sign_up alter column suppression_hash set statistics 0;
alter table magic_request alter column blind_index set statistics 0;
alter table suppression alter column hash set statistics 0;
alter table staff alter column blind_index set statistics 0;
`;

/*
 * The claim of promise 1. Three statements in one call: pick, lock, judge. Under read committed each sees a fresh snapshot, so that a
 * withdrawal that committed before the locks were had is seen by the judgement, and none can commit between judgement and mark (T7).
 * A consent whose last event was followed by another is an earlier row that somebody put back (T6); events cannot be taken back.
 * Two workers never judge one consent at once: "once a week" counts the mails in flight, and those before it in the same handful.
 */
const CLAIM = `
create type claimed_delivery as (
  message_id uuid, subscriber_id uuid, kind text, template text, attempts smallint, seal bytea, organisation_id uuid,
  suppression_hash bytea, profile_key bytea, address bytea, language text, consent_id uuid, purpose_id uuid, consent_state text, basis text,
  sign_up_id uuid, last_event_id uuid, frequency text, paused_until timestamptz, confirmed_at timestamptz,
  unsubscribe_ref bytea, preferences_ref bytea, mailto_ref bytea, consent_seal bytea, is_followed boolean
);

create function claim_deliveries(worker uuid, at timestamptz, lease timestamptz, kinds text[], most integer)
returns setof claimed_delivery language plpgsql as $$
declare
  messages uuid[];
  subscribers uuid[];
begin
  select array_agg(p.message_id), array_agg(p.subscriber_id) into messages, subscribers from (
    select d.message_id, d.subscriber_id from delivery d
    where d.state in ('queued', 'deferred', 'unknown') and d.due_at <= at and d.kind = any(kinds)
    order by d.due_at limit most for update skip locked) p;
  if messages is null then return; end if;

  perform 1 from subscriber s where s.id = any(subscribers) order by s.id for share;
  perform 1 from consent c where c.subscriber_id = any(subscribers) order by c.id for no key update;

  return query
  with judged as materialized (
    select d.message_id, d.subscriber_id, d.kind, d.template, d.attempts, d.seal, s.organisation_id, s.suppression_hash, s.profile_key, s.address, s.language,
      c.id as consent_id, c.purpose_id, c.state as consent_state, c.basis, c.sign_up_id, c.last_event_id, c.frequency, c.paused_until,
      c.confirmed_at, c.unsubscribe_ref, c.preferences_ref, c.mailto_ref, c.seal as consent_seal,
      exists (select from consent_event e where e.sign_up_id = c.sign_up_id and e.previous_id in (c.last_event_id, e.id)) as is_followed,
      case
        when s.erased_at is not null or s.address is null then 'erased'
        when d.kind <> 'notice' and s.restricted_at is not null then 'restricted'
        when d.kind in ('campaign', 'gateway') and c.state is distinct from 'confirmed' then coalesce(c.state, 'no-consent')
        when d.kind in ('campaign', 'gateway') and not coalesce(c.basis = any(l.accepted_bases), false) then 'basis'
        when d.kind in ('campaign', 'gateway') and c.paused_until > at then 'paused'
        when d.kind in ('campaign', 'gateway') and c.frequency <> 'all' and exists (select from delivery p
          where p.subscriber_id = d.subscriber_id and p.consent_id = c.id and p.kind in ('campaign', 'gateway') and p.message_id <> d.message_id
          and (p.state = 'sending' or p.state in ('sent', 'unknown') and p.settled_at > at - case c.frequency
            when 'weekly' then interval '7 days' else interval '1 month' end
            or (p.message_id, p.subscriber_id) in (select * from unnest(messages[:picked.place - 1], subscribers[:picked.place - 1])))) then 'frequency'
        when d.kind = 'confirmation' and c.state = 'confirmed' then 'confirmed'
        when d.kind <> 'notice' and exists (select 1 from suppression x where x.organisation_id = s.organisation_id
          and x.hash = s.suppression_hash and (x.until is null or x.until > at)
          and case x.reason when 'objection' then d.kind in ('campaign', 'gateway')
            when 'not-me' then d.kind in ('confirmation', 'transactional') else true end) then 'suppressed'
      end as refusal
    from unnest(messages, subscribers) with ordinality as picked (message_id, subscriber_id, place)
    join delivery d on d.message_id = picked.message_id and d.subscriber_id = picked.subscriber_id
    join subscriber s on s.id = d.subscriber_id
    left join consent c on c.id = d.consent_id and c.subscriber_id = d.subscriber_id
    left join list l on l.id = c.purpose_id),
  marked as (
    update delivery d set
      state = case when j.refusal is null then 'sending' else 'skipped' end,
      reason = j.refusal,
      attempts = d.attempts + case when j.refusal is null then 1 else 0 end,
      lease_by = case when j.refusal is null then worker end,
      lease_until = case when j.refusal is null then lease end,
      settled_at = case when j.refusal is null then null else at end
    from judged j where d.message_id = j.message_id and d.subscriber_id = j.subscriber_id
    returning d.message_id, d.subscriber_id, d.state)
  select j.message_id, j.subscriber_id, j.kind, j.template, (j.attempts + 1)::smallint, j.seal, j.organisation_id, j.suppression_hash, j.profile_key,
    j.address, j.language, j.consent_id, j.purpose_id, j.consent_state, j.basis, j.sign_up_id, j.last_event_id, j.frequency, j.paused_until,
    j.confirmed_at, j.unsubscribe_ref, j.preferences_ref, j.mailto_ref, j.consent_seal, j.is_followed
  from judged j join marked m on m.message_id = j.message_id and m.subscriber_id = j.subscriber_id
  where m.state = 'sending';
end $$;
`;
