/** How a reader's device is set. */
export type Theme = 'light' | 'dark';

const CONDITION = /\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)/gi;

/**
 * A mail's HTML as it looks on a device that is set to a theme, wherever it is shown: what a style sheet says for that theme always holds, what it says for the other
 * never. For previews only.
 */
export function forceTheme(html: string, theme: Theme): string {
  return html.replace(CONDITION, (_, asked: string) =>
    asked.toLowerCase() === theme ? '(min-width: 0px)' : '(max-width: 0px)',
  );
}
