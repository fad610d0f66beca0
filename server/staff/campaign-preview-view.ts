import type { Request, Response } from 'express';
import { forceTheme, type Theme } from '../campaigns/force-theme.js';
import { MADE_UP, type MadeUp } from '../campaigns/sample.js';
import { footerLanguages } from '../campaigns/words.js';
import { languageLinks } from '../web/i18n.js';
import type { PreviewPart } from './views.js';

/** How somebody looks at a campaign; it stands in the address. */
export interface Looking {
  readonly footer: string;
  readonly theme: Theme;
  readonly person: MadeUp;
  readonly images: boolean;
}

/** What an address asks for. */
export function lookingOf(req: Request, footer: string): Looking {
  const { theme, person, images } = req.query;
  return {
    footer,
    theme: theme === 'dark' ? 'dark' : 'light',
    person: typeof person === 'string' && Object.hasOwn(MADE_UP, person) ? (person as MadeUp) : 'usual',
    images: images === 'on',
  };
}

/** The ways to look at it, each as a link that changes one thing. */
export function previewChoices(
  href: string,
  now: Looking,
): Pick<PreviewPart, 'src' | 'languages' | 'themes' | 'people' | 'images' | 'isDark' | 'to'> {
  const to = (change: Partial<Looking>): string => `${href}?${queryOf({ ...now, ...change })}#preview-title`;
  const { name, address } = MADE_UP[now.person];
  return {
    src: `${href}/preview?${queryOf(now)}`,
    languages: languageLinks(footerLanguages(), now.footer, (footer) => to({ footer })),
    themes: (['light', 'dark'] as const).map((theme) => ({
      ...{ name: theme, href: to({ theme }), current: theme === now.theme },
    })),
    people: (Object.keys(MADE_UP) as MadeUp[]).map((person) => ({
      ...{ name: person, href: to({ person }), current: person === now.person },
    })),
    images: { isShown: now.images, href: to({ images: !now.images }) },
    isDark: now.theme === 'dark',
    to: name === '' ? address : `${name} <${address}>`,
  };
}

function queryOf({ footer, theme, person, images }: Looking): string {
  return [
    `footer=${footer}`,
    ...(theme === 'dark' ? ['theme=dark'] : []),
    ...(person === 'usual' ? [] : [`person=${person}`]),
    ...(images ? ['images=on'] : []),
  ].join('&');
}

/** A mail in a frame in which nothing runs; pictures from elsewhere only when they were asked for (T11). */
export function sendPreview(res: Response, html: string, how: { theme: Theme; hasPictures: boolean }): void {
  const pictures = how.hasPictures ? 'data: https: http:' : 'data:';
  res.setHeader(
    'Content-Security-Policy',
    `sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src ${pictures}; frame-ancestors 'self'; form-action 'none'; base-uri 'none'`,
  );
  res.setHeader('X-Frame-Options', 'SAMEORIGIN');
  res.type('html').send(forceTheme(html, how.theme));
}
