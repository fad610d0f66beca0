import { expect } from 'chai';
import { listBySlug } from '../../server/consent/catalogue.js';
import type { Context } from '../../server/context.js';
import { blindIndex } from '../../server/keys/blind-index.js';
import { parseAddress } from '../../server/mail/address.js';
import { erase } from '../../server/rights/erase.js';
import type { Sink } from './sink.js';
import { factsOf } from './state.js';
import { linkIn, settingsLink } from './story.js';
import { boxOf, formOf, get, headingOf, post } from './web.js';

/** Somebody, and what they were told that was done. */
interface Member {
  readonly address: string;
  asked: boolean;
  confirmed: boolean;
  left: boolean;
  erased: boolean;
  /** From the page after confirming. */
  settings: string;
  /** Known once somebody wants to erase them. */
  subscriberId: string;
  /** An act of theirs is under way. */
  isBusy: boolean;
}

/** People who sign up, confirm, leave and are erased while things break, and remember each answer that they got. */
export interface Crowd {
  readonly members: readonly Member[];
  /** Each does one thing for one person, and ends whether it is answered or not. False: there was nothing to do. */
  ask(base: string): Promise<boolean>;
  confirm(): Promise<boolean>;
  leave(): Promise<boolean>;
  erase(ctx: Context): Promise<boolean>;
  /** Whatever was answered is there, with its leaf. */
  check(ctx: Context): Promise<void>;
}

const MOST_WAITING = 40;

/** A crowd whose mails arrive at `sink`. */
export function makeCrowd(sink: Sink): Crowd {
  const members: Member[] = [];
  const pick = (wanted: (member: Member) => boolean): Member | undefined =>
    members.find((member) => !member.isBusy && !member.erased && wanted(member));
  return {
    members,
    ask: async (base) => {
      // More would only wait for their mails.
      if (members.filter((member) => member.asked && !member.confirmed).length > MOST_WAITING) return false;
      const address = `person${members.length}@crowd.example`;
      const fresh = { asked: false, confirmed: false, left: false, erased: false, isBusy: false };
      const member: Member = { address, ...fresh, settings: '', subscriberId: '' };
      members.push(member);
      return busy(member, async () => {
        const page = await get(`${base}/lists/news`);
        const form = formOf(page, 'subscribe');
        const answer = await post(form.action, { ...form.fields, email: address, consent: boxOf(page) });
        member.asked = answer.status === 200;
      });
    },
    confirm: async () => {
      const mail = sink.mails.findLast(({ to }) => pick((one) => one.address === to && one.asked && !one.confirmed));
      const member = mail && members.find(({ address }) => address === mail.to);
      if (!mail || !member) return false;
      return busy(member, async () => {
        const received = { id: '', raw: mail.raw, parsed: await sink.parsed(mail) };
        const button = formOf(await get(linkIn(received, 'c')), 'confirm');
        const page = await post(button.action, button.fields);
        member.confirmed = page.status === 200 && headingOf(page).includes('onfirmed');
        if (member.confirmed) member.settings = settingsLink(page);
      });
    },
    leave: async () => {
      const member = pick((one) => one.confirmed && !one.left);
      if (!member) return false;
      return busy(member, async () => {
        member.left = (await post(member.settings, { choice: 'leave' })).status === 200;
      });
    },
    erase: async (ctx) => {
      const member = pick((one) => one.confirmed);
      if (!member) return false;
      return busy(member, async () => {
        member.subscriberId ||= (await factsOf(ctx, member.address))?.subscriberId ?? '';
        await erase(ctx, { subscriberId: member.subscriberId, cause: 'person' });
        member.erased = true;
      });
    },
    check: async (ctx) => {
      const erasures = await ctx.db.query<{ id: string }>(
        'select x.subscriber_id as id from erasure x join log_leaf l on l.event_id = x.event_id where x.subscriber_id is not null',
      );
      const gone = erasures.map(({ id }) => id);
      const told = members.filter((member) => member.erased).map((member) => member.subscriberId);
      expect(gone, 'erasures that were answered').to.include.members(told);
      // Some were erased and never heard of it.
      const living = members.filter((member) => !gone.includes(member.subscriberId));
      const missing = async (kind: string, wanted: (member: Member) => boolean): Promise<string[]> => {
        const known = await leavesOf(ctx, kind);
        const all = await Promise.all(
          living.filter(wanted).map(async (one) => [one.address, await indexOf(ctx, one)] as const),
        );
        return all.filter(([, index]) => !known.has(index)).map(([address]) => address);
      };
      expect(await missing('requested', (one) => one.asked), 'sign-ups that were answered').to.deep.equal([]);
      expect(await missing('confirmed', (one) => one.confirmed), 'confirmations that were answered').to.deep.equal([]);
      expect(await missing('withdrawn', (one) => one.left), 'withdrawals that were answered').to.deep.equal([]);
    },
  };
}

// A service or database that is gone, and a page that says so, are what the test is about: then nothing was answered.
async function busy(member: Member, work: () => Promise<void>): Promise<true> {
  member.isBusy = true;
  await work().catch(() => undefined);
  member.isBusy = false;
  return true;
}

async function indexOf(ctx: Context, { address }: Member): Promise<string> {
  const { organisation } = await listBySlug(ctx, 'news');
  return blindIndex(ctx.keyring, organisation.id, parseAddress(address).normal).toString('hex');
}

/** Blind indexes of all who have a leaf of this kind. */
async function leavesOf(ctx: Context, kind: string): Promise<Set<string>> {
  const rows = await ctx.db.query<{ blind_index: Buffer }>(
    `select u.blind_index from consent_event e join log_leaf l on l.event_id = e.id join sign_up u on u.id = e.sign_up_id
     where e.kind = $1 and u.blind_index is not null`,
    [kind],
  );
  return new Set(rows.map((row) => row.blind_index.toString('hex')));
}
