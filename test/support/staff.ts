import { expect } from 'chai';
import { addStaff } from '../../server/staff/add-staff.js';
import { logIn } from '../../server/staff/auth.js';
import type { TestService } from './service.js';
import { formOf, get, post, type Page } from './web.js';

/** Somebody of the staff, logged in. */
export interface StaffBrowser {
  readonly id: string;
  readonly email: string;
  readonly cookie: string;
  see(path: string): Promise<Page>;
  /** Sends a form of a page, some fields filled in; a file makes it multipart. */
  send(path: string, act: string, fields: Record<string, string>, file?: SentFile): Promise<Page>;
  /** Follows the redirect of an answer. */
  follow(answer: Page): Promise<Page>;
}

export interface SentFile {
  readonly field: string;
  readonly name: string;
  readonly bytes: Buffer;
}

/** Gives somebody a login and opens their browser. */
export async function staffBrowser(
  service: TestService,
  role: 'owner' | 'marketer' | 'viewer',
  language = 'en',
  email = `${role}@workshop.example`,
): Promise<StaffBrowser> {
  const { id, password } = await addStaff(service.ctx, { email, role });
  const cookie = `zgoda_staff=${await logIn(service.ctx, { email, password })}; zgoda_language=${language}`;
  const see = async (path: string): Promise<Page> => get(new URL(path, service.base).href, { cookie });
  return {
    ...{ id, email, cookie, see },
    send: async (path, act, fields, file) => {
      const form = formOf(await see(path), act);
      const filled = { ...form.fields, ...fields };
      return file ? postFile(form.action, filled, file, cookie) : post(form.action, filled, { cookie });
    },
    follow: async (answer) => {
      expect(answer.status, answer.text.slice(0, 500)).to.equal(303);
      return see(new URL(answer.headers.get('location') ?? '', service.base).href);
    },
  };
}

async function postFile(url: string, fields: Record<string, string>, file: SentFile, cookie: string): Promise<Page> {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) if (name !== file.field) body.set(name, value);
  body.set(file.field, new Blob([new Uint8Array(file.bytes)]), file.name);
  const headers = { cookie, accept: 'text/html' };
  const answer = await fetch(url, { method: 'POST', body, redirect: 'manual', headers });
  return { status: answer.status, headers: answer.headers, text: await answer.text(), url };
}

/** The words of a page, without tags. */
export function wordsOf(page: Page): string {
  const [, main = page.text] = /<main[^>]*>([\s\S]*)<\/main>/.exec(page.text) ?? [];
  return main
    .replace(/<[^>]+>/g, ' ')
    .replace(/&#x27;|&#39;/g, "'")
    .replace(/&quot;/g, '"')
    .replace(/&#x3D;/g, '=')
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ')
    .trim();
}
