import { expect } from 'chai';
import iconv from 'iconv-lite';
import type { Footer } from '../../server/mail/footer.js';
import type { Injection, PreparedMessage } from '../../server/mail/footer-engine.js';
import type { Target } from '../../server/mail/footer-target.js';
import { unsubscribeFields } from '../../server/mail/list-headers.js';
import { readTree, type MimePart } from '../../server/mail/mime-tree.js';
import { undoEdits } from '../../server/mail/recipe.js';
import { decodeBase64, decodeQp } from '../../server/mail/transfer.js';

export const LINKS = { unsubscribe: 'https://links.example/u/Ab_-9', preferences: 'https://links.example/p/Ab_-9' };
export const BOUNDARY = 'boundary0123456789';
export const HEADERS = unsubscribeFields(LINKS.unsubscribe);

/** With letters that ASCII, Latin-1 and most others lack. */
export const FOOTER: Footer = {
  why: 'Otrzymujesz tę wiadomość, bo 3 grudnia 2026 potwierdzono zapis na listę „Źródła”.',
  unsubscribeLabel: 'Wypisz mnie z listy „Źródła”',
  settingsLabel: 'Ustawienia wiadomości',
  identity: 'Łódź sp. z o.o., ul. Żabia 1, 90-001 Łódź',
  noticeLabel: 'Jak przetwarzamy dane',
  noticeUrl: 'https://links.example/privacy',
  language: 'pl',
  dir: 'ltr',
  unsubscribeUrl: LINKS.unsubscribe,
  preferencesUrl: LINKS.preferences,
};

/** Checks that cutting the recorded ranges gives the texts back that came in (F-02); returns how many there were. */
export function undone(name: string, { plan, raw }: PreparedMessage, { message, recipe }: Injection): number {
  if (plan.kind !== 'inject') return 0;
  const mailbox = /^>?From [^\n:]*\n/.exec(raw.toString('latin1', 0, 400))?.[0].length ?? 0;
  const root = readTree(message, mailbox);
  for (const { path, edits, rewritten } of recipe.parts) {
    const target = plan.targets.find((one) => one.part.path === path);
    const part = partAt(root, path);
    expect(part, `${name}: part ${path}`).not.to.equal(undefined);
    const now = undoEdits(contentOf(message, part as MimePart), edits);
    // What was written anew in UTF-8 was another charset before: then the letters are compared.
    if (!rewritten) expect(now.equals(target?.content ?? Buffer.alloc(0)), `${name}: part ${path}`).to.equal(true);
    else expect(now.toString('utf8'), `${name}: part ${path}`).to.equal(letters(target));
  }
  return recipe.parts.length;
}

function letters(target: Target | undefined): string {
  const { content, charset } = target ?? { content: Buffer.alloc(0), charset: 'utf-8' };
  return charset === 'us-ascii' || !iconv.encodingExists(charset)
    ? content.toString('utf8')
    : iconv.decode(content, charset, { stripBOM: false });
}

export function partAt(root: MimePart, path: string): MimePart | undefined {
  if (path === '') return root;
  return path.split('.').reduce<MimePart | undefined>((part, at) => part?.children?.[Number(at) - 1], root);
}

export function contentOf(raw: Buffer, { start, end, encoding }: MimePart): Buffer {
  const body = raw.subarray(start, end);
  if (encoding === 'quoted-printable') return decodeQp(body).bytes;
  if (encoding === 'base64') return decodeBase64(body)?.bytes ?? Buffer.alloc(0);
  return body;
}
