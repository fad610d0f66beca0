import type { Context } from '../context.js';
import { Refusal } from '../errors.js';
import { isSealed } from '../keys/seal.js';
import type { SeenPart } from './draft-mark.js';
import { changeDraft } from './draft.js';
import { ownPreheader, setPreheader } from './preheader.js';
import { refuseTemplate } from './problem.js';
import { textOf } from './render.js';
import { unaccepted } from './upload.js';

/** A text part above this is refused, in characters. */
export const MAX_TEXT = 200_000;

/** What is to become of a draft's text part: other words, made anew from the HTML, or those of before the last change. */
export type TextChange = { readonly text: string } | 'anew' | 'former';

/** What is to become of the words of a draft; what is absent stays. `seen`: as they were shown. */
export interface WordsChange {
  readonly text: TextChange;
  readonly subject?: string | undefined;
  /** Beside the subject; empty: none. */
  readonly preheader?: string | undefined;
  readonly seen?: SeenPart | null;
}

/**
 * Changes the text part of a draft, and keeps the one before to go back to; with it what the inbox shows. Throws as `changeDraft`, and `not-found` when there is none to
 * go back to.
 */
export async function changeText(
  ctx: Context,
  id: string,
  { text: change, subject: wanted, preheader, seen = null }: WordsChange,
): Promise<void> {
  await changeDraft(
    ctx,
    id,
    async (draft) => {
      const subject = wanted === undefined ? {} : { subject: wanted };
      // A finished message is sent as it is.
      if (draft.message) return subject;
      const text = await nextText(ctx, draft, change);
      if (text.length > MAX_TEXT) throw new Refusal('body-too-large', 'The text is longer than 200,000 characters.');
      return { text, html: nextHtml(draft.html, preheader), ...subject };
    },
    seen,
  );
}

function nextHtml(html: string, preheader: string | undefined): string {
  // What nobody touched stays as it was uploaded, whatever it looks like.
  if (preheader === undefined || preheader.trim() === ownPreheader(html)) return html;
  const changed = setPreheader(html, preheader);
  if (changed.foreign.length > 0) throw refuseTemplate(changed.foreign.map(unaccepted));
  return changed.html;
}

/** The text part before the last change; null: there was none, or it is not ours (T6). */
export async function formerText(ctx: Context, id: string): Promise<string | null> {
  const [row] = await ctx.db.query<{ text: string | null; seal: Buffer | null }>(
    'select former_text as text, former_seal as seal from campaign where id = $1',
    [id],
  );
  const text = row?.text ?? null;
  return text !== null && isSealed(ctx.keyring, 'former-text', [id, text], row?.seal ?? null) ? text : null;
}

async function nextText(ctx: Context, draft: { id: string; html: string }, change: TextChange): Promise<string> {
  if (change === 'anew') return textOf(draft.html);
  if (change !== 'former') return tidy(change.text);
  const former = await formerText(ctx, draft.id);
  if (former === null) throw new Refusal('not-found', 'There is no text to go back to.');
  return former;
}

/** As it goes out: lines end in LF and in no blank, and the last one ends. */
function tidy(text: string): string {
  const lines = text.replace(/\r\n?/g, '\n').replace(/[^\S\n]+$/gm, '');
  return `${lines.trimEnd()}\n`;
}
