import { expect } from 'chai';
import { parse, type DefaultTreeAdapterTypes } from 'parse5';

/** An answer as a browser would get it. */
export interface Page {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly url: string;
}

/** A form of a page: where it posts and what stands in its fields, untouched. Radios and boxes only where they are checked. */
export interface FormOnPage {
  readonly action: string;
  readonly fields: Record<string, string>;
}

/** GET without following redirects. */
export async function get(url: string, headers: Record<string, string> = {}): Promise<Page> {
  return toPage(url, await fetch(url, { redirect: 'manual', headers: { accept: 'text/html', ...headers } }));
}

/** POST as a browser posts a form. */
export async function post(
  url: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Page> {
  const body = new URLSearchParams(fields);
  return toPage(
    url,
    await fetch(url, { method: 'POST', redirect: 'manual', body, headers: { accept: 'text/html', ...headers } }),
  );
}

/** The form with this `data-act`. */
export function formOf(page: Page, act: string): FormOnPage {
  const form = elements(page.text).find((one) => one.tagName === 'form' && attribute(one, 'data-act') === act);
  if (!form) throw new Error(`no form ${act} on ${page.url} (${page.status}):\n${page.text.slice(0, 2000)}`);
  const fields: Record<string, string> = {};
  for (const input of descendants(form)) {
    const [name, type] = [attribute(input, 'name'), attribute(input, 'type')];
    if (!name || input.tagName === 'button') continue;
    const isChoice = type === 'radio' || type === 'checkbox';
    if (input.tagName === 'select') fields[name] = chosenIn(input);
    else if (!isChoice || attribute(input, 'checked') !== null) fields[name] = attribute(input, 'value') ?? '';
  }
  return { action: new URL(attribute(form, 'action') ?? '', page.url).href, fields };
}

function chosenIn(select: Element): string {
  const options = descendants(select).filter(({ tagName }) => tagName === 'option');
  const chosen = options.find((option) => attribute(option, 'selected') !== null) ?? options[0];
  return (chosen && attribute(chosen, 'value')) ?? '';
}

/** The value of the box that a form asks to tick. */
export function boxOf(page: Page): string {
  const box = elements(page.text).find((one) => one.tagName === 'input' && attribute(one, 'name') === 'consent');
  expect(box, 'a consent box').to.not.equal(undefined);
  return (box && attribute(box, 'value')) ?? '';
}

/** All link targets of a page whose path begins with `prefix`. */
export function linksOf(page: Page, prefix: string): string[] {
  return elements(page.text)
    .filter((one) => one.tagName === 'a')
    .map((one) => new URL(attribute(one, 'href') ?? '', page.url).href)
    .filter((href) => new URL(href).pathname.startsWith(prefix));
}

/** The text of the first heading. */
export function headingOf(page: Page): string {
  const heading = elements(page.text).find((one) => one.tagName === 'h1');
  return heading ? textIn(heading).trim() : '';
}

type Element = DefaultTreeAdapterTypes.Element;

function elements(html: string): Element[] {
  return descendants(parse(html));
}

function descendants(node: DefaultTreeAdapterTypes.Node): Element[] {
  if (!('childNodes' in node)) return [];
  return node.childNodes.flatMap((child) => ('tagName' in child ? [child, ...descendants(child)] : []));
}

function textIn(node: DefaultTreeAdapterTypes.Node): string {
  if ('value' in node) return node.value;
  return 'childNodes' in node ? node.childNodes.map(textIn).join('') : '';
}

function attribute(element: Element, name: string): string | null {
  return element.attrs.find((one) => one.name === name)?.value ?? null;
}

async function toPage(url: string, answer: Response): Promise<Page> {
  return { status: answer.status, headers: answer.headers, text: await answer.text(), url };
}
