import type { Request } from 'express';
import { languagesOf, textOf, wordingOf, type ListFacts } from '../consent/catalogue.js';
import { Refusal } from '../errors.js';
import { organisationBase, type Site } from '../web/http.js';
import type { ListPage, SignUpForm } from '../web/pages.js';
import { makeTicket, openTicket, type Ticket } from './ticket.js';

/** The sign-up page of a list, with what was typed and what is wrong with it. */
export function listPage(
  site: Site,
  req: Request,
  list: ListFacts,
  language: string,
  fields: Record<string, string>,
  errors: SignUpForm['errors'],
): ListPage {
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
    form: signUpForm(site, list, language, fields, errors),
  };
}

/** A fresh form for a list. */
export function signUpForm(
  site: Site,
  list: ListFacts,
  language: string,
  fields: Record<string, string>,
  errors: SignUpForm['errors'],
): SignUpForm {
  const wording = wordingOf(list, language);
  const ticket: Ticket = { listId: list.id, wordingId: wording.id, language, issuedAt: site.ctx.now() };
  return {
    action: `/lists/${list.slug}`,
    ticket: makeTicket(site.ctx.keyring, ticket),
    wording: { id: wording.id, text: wording.label },
    address: (fields['email'] ?? '').slice(0, 320),
    ticked: errors !== null && fields['consent'] === wording.id,
    errors,
  };
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
