import { expect } from 'chai';
import { boxOf, formOf, get, linksOf, post, type Page } from './web.js';
import type { ReceivedMail, TestService } from './service.js';

/** Signs an address up through the page, the box ticked. */
export async function signUp(service: { base: string }, email: string, list = 'news', language = 'en'): Promise<Page> {
  const page = await get(`${service.base}/lists/${list}?lang=${language}`);
  const form = formOf(page, 'subscribe');
  return post(form.action, { ...form.fields, email, consent: boxOf(page) });
}

/** The one link of a kind in a mail's text part: c confirm, n not me, p preferences, u unsubscribe, m magic. */
export function linkIn(mail: ReceivedMail, kind: string): string {
  const found = new RegExp(`https?://[^\\s<>"]+/${kind}/[A-Za-z0-9_-]+`).exec(mail.parsed.text ?? '');
  expect(found, `a /${kind}/ link in the mail "${mail.parsed.subject ?? ''}"`).to.not.equal(null);
  return found?.[0] ?? '';
}

/** Signs up, opens the mail, presses the button: the page after it. */
export async function join(service: TestService, email: string, list = 'news', language = 'en'): Promise<Page> {
  const before = await service.mailsTo(email);
  expect((await signUp(service, email, list, language)).status).to.equal(200);
  return pressConfirm(linkIn(await service.mailTo(email, before + 1), 'c'));
}

/** Opens a confirmation link and presses its button. */
export async function pressConfirm(link: string): Promise<Page> {
  const form = formOf(await get(link), 'confirm');
  return post(form.action, form.fields);
}

/** The preference page's address on the page after confirming. */
export function settingsLink(confirmed: Page): string {
  const [link] = linksOf(confirmed, '/p/');
  expect(link, 'a link to the settings').to.not.equal(undefined);
  return link ?? '';
}

/** Follows a page's link to the settings of one list and sends a form there, some fields filled in. */
export async function steer(page: Page, act: string, fields: Record<string, string>): Promise<Page> {
  const form = formOf(await get(settingsLink(page)), act);
  return post(form.action, { ...form.fields, ...fields });
}
