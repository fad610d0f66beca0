import type { Request } from 'express';
import { attributeLabel, MAX_ATTRIBUTE } from '../consent/attributes.js';
import { topicField } from '../consent/topics.js';
import { inWords, languagesOf, linkAddress, textOf, wordingOf, type ListFacts } from '../consent/catalogue.js';
import { shownText, type ShownText } from '../consent/shown-text.js';
import { Refusal } from '../errors.js';
import { escapeHtml } from '../mail/escape.js';
import { hole } from '../mail/hole.js';
import { organisationBase, param, type Site } from '../web/http.js';
import type { ListPage, SignUpForm } from '../web/pages.js';
import { shownPage, showPage, type ShownPage } from '../web/shown-page.js';
import { formOf, TRACKING_FIELD, trackingWording, type FormOf } from './tracking-box.js';
import { makeTicket, openTicket, type Ticket } from './ticket.js';

/** The sign-up page of a list as HTML, with what was typed and what is wrong with it. Its ticket names the text that everybody else sees there, too. */
export function signUpHtml(
  site: Site,
  req: Request,
  of: FormOf,
  language: string,
  fields: Record<string, string>,
  errors: SignUpForm['errors'],
): string {
  const page = signUpPage(site, req, of, language, fields, errors);
  const told = of.list.organisation.attributes.map(({ name }) => [name, escapeHtml(typedOf(fields, name))]);
  return page.fill({
    ...(Object.fromEntries(told) as Record<string, string>),
    ...{ ticket: freshTicket(site, of, language, page.sha256), address: escapeHtml(typed(fields)) },
  });
}

/** The page that a ticket tells of, where it can still be made: for whoever keeps it with a sign-up. */
export function servedForm(site: Site, req: Request, of: FormOf, ticket: Ticket): ShownText | null {
  const known = shownPage(site.renderer, ticket.formSha256);
  if (known) return known;
  // Words for another site's form; or another process showed the page, or this one before it was started anew.
  const form = param(req, 'id');
  const again = form
    ? embeddedForm(site, of, ticket.language, form).shown
    : signUpPage(site, req, of, ticket.language, {}, null);
  return again.sha256 === ticket.formSha256 ? again : null;
}

/** What a site needs to build its own form: the words, where to post, and a fresh ticket; and the same with the ticket blanked. */
export function embeddedForm(
  site: Site,
  of: FormOf,
  language: string,
  formId: string,
): { answer: object; shown: ShownText } {
  const { list } = of;
  const address = linkAddress(site.ctx, list.organisation);
  const wording = wordingOf(list, language);
  const answer = (ticket: string): object => ({
    action: `${address}/forms/${formId}`,
    method: 'post',
    list: textOf(list, language).name,
    language,
    privacy: `${address}/privacy/${list.organisation.slug}`,
    fields: { email: '', consent: wording.id, ticket },
    wording: wording.label,
    ...optionalFields(of, language),
  });
  const shown = shownText(JSON.stringify(answer('{{ticket}}')));
  return { answer: answer(freshTicket(site, of, language, shown.sha256)), shown };
}

/** What a form may ask beside: only said where there is something. */
function optionalFields(of: FormOf, language: string): object {
  const { topics, attributes, tracking } = form(of, language, '', {}, null);
  return {
    ...(topics.length > 0 ? { topics: topics.map(({ field, name }) => ({ field, value: 'yes', label: name })) } : {}),
    ...(attributes.length > 0 ? { optional: attributes.map(({ name, label }) => ({ field: name, label })) } : {}),
    ...(tracking ? { tracking: { field: TRACKING_FIELD, value: tracking.id, label: tracking.text } } : {}),
  };
}

/** A form for a list, for other pages than its own. */
export async function signUpForm(site: Site, list: ListFacts, language: string): Promise<SignUpForm> {
  const of = await formOf(site.ctx, list);
  return form(of, language, freshTicket(site, of, language, ''), {}, null);
}

/** What the form was served with; null when the ticket is none of ours for this list. */
export function ticketOf(site: Site, list: ListFacts, text: string): Ticket | null {
  try {
    const ticket = openTicket(site.ctx.keyring, text, site.ctx.now());
    return ticket.listId === list.id ? ticket : null;
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

function signUpPage(
  site: Site,
  req: Request,
  of: FormOf,
  language: string,
  fields: Record<string, string>,
  errors: SignUpForm['errors'],
): ShownPage {
  const address = typed(fields) === '' ? '' : hole('address');
  const shown = form(of, language, hole('ticket'), { ...fields, email: address }, errors);
  return showPage(site.renderer, 'list', listPage(site, req, of.list, language, shown));
}

function listPage(site: Site, req: Request, list: ListFacts, language: string, shown: SignUpForm): ListPage {
  const text = textOf(list, language);
  const base = organisationBase(site, req, language, list.organisation);
  return {
    ...base,
    languages: base.languages
      .filter((link) => languagesOf(list).includes(link.code))
      .map((link) => ({ ...link, href: `/lists/${list.slug}?lang=${link.code}` })),
    list: {
      name: text.name,
      frequency: text.frequency,
      about: text.about,
      duration: text.retention || null,
      sharedWith: text.sharedWith || null,
    },
    form: shown,
  };
}

function form(
  of: FormOf,
  language: string,
  ticket: string,
  fields: Record<string, string>,
  errors: SignUpForm['errors'],
): SignUpForm {
  const { list } = of;
  const wording = wordingOf(list, language);
  const tracking = trackingWording(of, language);
  return {
    action: `/lists/${list.slug}`,
    ticket,
    wording: { id: wording.id, text: wording.label },
    address: fields['email'] ?? '',
    ticked: errors !== null && fields['consent'] === wording.id,
    topics: list.topics.map(({ slug, names }) => ({
      ...{ field: topicField(slug), name: inWords(names, language, list.defaultLanguage) },
      isTicked: fields[topicField(slug)] === 'yes',
    })),
    attributes: list.organisation.attributes.map((rule) => ({
      ...{ name: rule.name, label: attributeLabel(list.organisation, rule, language) },
      // Nobody's: the page is kept as everybody saw it.
      value: typedOf(fields, rule.name) === '' ? '' : hole(rule.name),
    })),
    tracking: tracking && {
      ...{ id: tracking.id, text: tracking.label },
      isTicked: errors !== null && fields[TRACKING_FIELD] === tracking.id,
    },
    errors,
  };
}

function freshTicket(site: Site, of: FormOf, language: string, formSha256: string): string {
  return makeTicket(site.ctx.keyring, {
    ...{ listId: of.list.id, language, issuedAt: site.ctx.now(), formSha256 },
    wordingId: wordingOf(of.list, language).id,
    trackingWordingId: trackingWording(of, language)?.id ?? null,
  });
}

function typedOf(fields: Record<string, string>, name: string): string {
  return (fields[name] ?? '').slice(0, MAX_ATTRIBUTE);
}

function typed(fields: Record<string, string>): string {
  return (fields['email'] ?? '').slice(0, 320);
}
