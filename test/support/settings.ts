import type { TestService } from './service.js';
import { linkIn } from './story.js';
import { formOf, get, post, type Page } from './web.js';

/** The settings of somebody, opened by a fresh link from their mailbox. */
export interface OpenSettings {
  readonly cookie: string;
  show(query?: string): Promise<Page>;
}

/** Asks for a link, presses its button, and keeps the session. */
export async function openSettings(service: TestService, email: string): Promise<OpenSettings> {
  const before = await service.mailsTo(email);
  await post(`${service.base}/preferences`, { email });
  const button = formOf(await get(linkIn(await service.mailTo(email, before + 1), 'm')), 'open');
  const cookie = (await post(button.action, button.fields)).headers.get('set-cookie')?.split(';')[0] ?? '';
  return { cookie, show: async (query = '') => get(`${service.base}/settings${query}`, { cookie }) };
}
