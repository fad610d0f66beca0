import type { Browser, BrowserContext, Page } from 'playwright-core';

/** A browser that shows mails as a mail program does: no scripts, and nothing is loaded from anywhere. */
export interface Viewer {
  /** Shows a mail. */
  show(html: string, view: View): Promise<void>;
  /** What keeps a reader from the footer with these links, in words; empty when nothing does. */
  faults(links: readonly string[]): Promise<string[]>;
  /** Where the last link to this URL begins, in pixels from the left. */
  leftOf(link: string): Promise<number>;
  /** A picture (PNG) of the end of the mail, with what stands above the footer. */
  picture(): Promise<Buffer>;
  close(): Promise<void>;
}

export interface View {
  readonly width: number;
  readonly scheme: 'light' | 'dark';
}

/** Small pictures of links, in which ink is told from paper. */
interface Ink {
  /** Lines and columns of pixels in which something stands out from the background by 4.5:1. */
  readonly rows: number;
  readonly columns: number;
  readonly width: number;
}

const ADDRESS = 'http://mail.test/';
const HEIGHT = 800;

export async function openViewer(browser: Browser): Promise<Viewer> {
  const mails = await browser.newContext({ javaScriptEnabled: false, serviceWorkers: 'block' });
  let html = '';
  await mails.route('**/*', async (route) => {
    if (route.request().url() !== ADDRESS) return route.abort();
    return route.fulfill({ body: html, contentType: 'text/html; charset=utf-8' });
  });
  const page = await mails.newPage();
  const reader = await openInkReader(browser);
  return {
    show: async (mail, { width, scheme }) => {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: HEIGHT });
      if (mail === html) return;
      html = mail;
      await page.goto(ADDRESS, { waitUntil: 'domcontentloaded' });
    },
    faults: async (links) => {
      const faults: string[] = [];
      for (const link of [...links].reverse()) faults.push(...(await placeOf(page, link)).faults);
      // The letters of one tell those of the other.
      if (faults.length === 0) faults.push(...(await inkFaults(page, reader.page, links[0] ?? '')));
      return [...faults, ...(await page.evaluate<string[]>(`(${TEXT_FAULTS})(${JSON.stringify(links[0])})`))];
    },
    leftOf: async (link) => (await placeOf(page, link)).box?.x ?? 0,
    picture: async () => {
      await page.evaluate('window.scrollTo(0, document.documentElement.scrollHeight)');
      return page.screenshot();
    },
    close: async () => {
      await Promise.all([mails.close(), reader.context.close()]);
    },
  };
}

/** Pictures are read in a page of its own, where scripts run. */
async function openInkReader(browser: Browser): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext();
  return { context, page: await context.newPage() };
}

interface Placed {
  readonly faults: string[];
  readonly box: { x: number; y: number; width: number; height: number } | null;
}

async function placeOf(page: Page, link: string): Promise<Placed> {
  return page.evaluate<Placed>(`(${PLACE})(${JSON.stringify(link)})`);
}

async function inkFaults(page: Page, reader: Page, link: string): Promise<string[]> {
  const { box } = await placeOf(page, link);
  if (!box) return ['it has no place'];
  const png = await page.screenshot({ clip: box });
  const ink = await reader.evaluate<Ink>(`(${READ_INK})("data:image/png;base64,${png.toString('base64')}")`);
  return ink.rows >= 6 && ink.columns >= ink.width / 4 ? [] : [`its letters are not seen: ${JSON.stringify(ink)}`];
}

/** In the page: is the last link to this URL where a reader can get to it and press it? */
const PLACE = `(url) => {
  const link = [...document.querySelectorAll('a')].filter((one) => one.getAttribute('href') === url).pop();
  if (!link) return { faults: ['there is no link'], box: null };
  const faults = [];
  link.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
  const { left, top, right, bottom, width, height } = link.getBoundingClientRect();
  if (width < 20 || height < 24) faults.push('it is ' + width + ' by ' + height);
  if (left < 0 || right > innerWidth + 1) faults.push('it reaches from ' + left + ' to ' + right + ' of ' + innerWidth);
  if (scrollX !== 0) faults.push('readers must scroll sideways');
  if (top < 0 || bottom > innerHeight) faults.push('it cannot be scrolled to');
  const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  if (!hit || !link.contains(hit)) faults.push('it is under <' + (hit ? hit.tagName : 'nothing') + '>');
  const root = getComputedStyle(document.documentElement);
  const body = getComputedStyle(document.body);
  const port = root.overflowY === 'visible' ? body : root;
  if (/hidden|clip/.test(port.overflowY) && document.scrollingElement.scrollTop > 0) faults.push('readers cannot scroll to it');
  for (let at = link.parentElement; at && at !== document.documentElement; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (at !== document.body && at.scrollTop > 0 && /hidden|clip/.test(style.overflowY)) faults.push('readers cannot scroll to it');
  }
  return { faults, box: faults.length > 0 ? null : { x: left, y: top, width, height } };
}`;

/** In the page: every line of the footer is in the flow, of a size that can be read, and stands out from its background. */
const TEXT_FAULTS = `(url) => {
  const link = [...document.querySelectorAll('a')].filter((one) => one.getAttribute('href') === url).pop();
  const box = link && link.closest('div[lang]');
  if (!box) return ['there is no footer'];
  const parse = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const faults = [];
  const { position, float } = getComputedStyle(box);
  if (!/static|relative/.test(position) || float !== 'none') faults.push('it is not in the flow');
  const words = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  for (let text = words.nextNode(); text; text = words.nextNode()) {
    if (text.data.trim() === '') continue;
    const style = getComputedStyle(text.parentElement);
    const [a, b] = [light(parse(style.color)), light(paper(text.parentElement))].sort((x, y) => y - x);
    if (Number.parseFloat(style.fontSize) < 12) faults.push(text.data + ': ' + style.fontSize);
    if ((a + 0.05) / (b + 0.05) < 4.5) faults.push(text.data + ': ' + style.color + ' on ' + paper(text.parentElement));
    const range = document.createRange();
    range.selectNodeContents(text);
    const { left, right, height } = range.getBoundingClientRect();
    if (left < 0 || right > innerWidth + 1 || height < 12) faults.push(text.data + ': from ' + left + ' to ' + right);
  }
  return faults;
}`;

/** In a page of ours: how much of a picture stands out from its background. */
const READ_INK = `async (address) => {
  const image = new Image();
  image.src = address;
  await image.decode();
  const { width, height } = image;
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const brush = canvas.getContext('2d');
  brush.drawImage(image, 0, 0);
  const { data } = brush.getImageData(0, 0, width, height);
  const lights = new Float64Array(width * height);
  const seen = new Map();
  for (let at = 0; at < lights.length; at += 1) {
    const [r, g, b] = [0, 1, 2].map((one) => (data[at * 4 + one] / 255) ** 2.2);
    lights[at] = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    seen.set(lights[at], (seen.get(lights[at]) || 0) + 1);
  }
  const [paper] = [...seen].sort((a, b) => b[1] - a[1])[0];
  const rows = new Set();
  const columns = new Set();
  for (let at = 0; at < lights.length; at += 1) {
    const [high, low] = lights[at] > paper ? [lights[at], paper] : [paper, lights[at]];
    if ((high + 0.05) / (low + 0.05) < 4.5) continue;
    rows.add(Math.floor(at / width));
    columns.add(at % width);
  }
  return { rows: rows.size, columns: columns.size, width };
}`;
