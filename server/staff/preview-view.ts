import type { ChangedText, Previewed, TextRun } from './preview-message.js';
import { foldSource, type SourcePiece } from './preview-source.js';
import type { PreviewResult, PreviewText } from './preview-views.js';
import { whyPart } from './preview-words.js';
import { problemPart } from './refused-view.js';

/** Longer texts are not shown as a reader sees them: the page holds each twice. In characters. */
const MOST_SHOWN = 1_000_000;
const MOST_TEXTS = 6;

/** What became of a message, as its page shows it. */
export function resultPart(previewed: Previewed, fileName: string): PreviewResult {
  const file = fileName === '' ? null : fileName;
  if (previewed.outcome === 'refused') {
    const why = 'why' in previewed ? whyPart(previewed.why) : null;
    const problems = 'problems' in previewed ? previewed.problems.map(problemPart) : [];
    return {
      ...{ outcome: 'refused', fileName: file, subject: null, isMjml: false, isNormalised: false, why, problems },
      ...{ objection: null, longHtml: null },
      wayOut: why?.name ?? 'template',
      ...{ bytes: null, header: [], texts: [], moreTexts: 0, source: [] },
    };
  }
  const { outcome, type, subject, isNormalised, why, objection, longHtml, bytes, header, texts, source } = previewed;
  return {
    ...{ outcome, fileName: file, subject: subject === '' ? null : subject, isMjml: type === 'text/mjml' },
    ...{ isNormalised: isNormalised && type === null, why: why === null ? null : whyPart(why), problems: [], bytes },
    objection: objection === null ? null : whyPart(objection),
    ...{ wayOut: null, longHtml },
    header: header.map(pieceOf),
    texts: [...texts.filter(({ kind }) => kind === 'html'), ...texts.filter(({ kind }) => kind !== 'html')]
      .slice(0, MOST_TEXTS)
      .map(textPart),
    moreTexts: Math.max(0, texts.length - MOST_TEXTS),
    source: foldSource(source),
  };
}

function pieceOf({ kind, text }: TextRun): SourcePiece {
  return { text: text.trimEnd(), isAdded: kind === 'added', isRemoved: kind === 'removed' };
}

function textPart({ path, kind, text, runs, change, rewritten }: ChangedText): PreviewText {
  const isHtml = kind === 'html';
  const isTooLong = text.length > MOST_SHOWN;
  return {
    ...{ path, name: kind, isHtml, isRead: kind !== 'amp', change, rewritten },
    ...{ isTooLong, text: isTooLong ? '' : isHtml ? withIdleLinks(text) : text },
    source: foldSource(runs),
  };
}

// Links want a window of their own, which the sandbox does not give them: else the frame would follow them and be empty.
function withIdleLinks(html: string): string {
  const [start = ''] =
    /^(?:[^<]|<(?!head[\s>]|body[\s>]))*<head(?:\s[^>]*)?>|^\s*<!doctype[^>]*>/i.exec(html.slice(0, 10_000)) ?? [];
  return `${start}<base target="_blank">${html.slice(start.length)}`;
}
