import type { ListFacts } from '../consent/catalogue.js';
import type { Context } from '../context.js';
import { pageOf, readArchive } from './archive.js';
import type { ForeignTag } from './becomes.js';
import { binaryFormat, type CampaignFormat } from './format.js';
import { readMessage } from './message.js';
import { packPage } from './pictures.js';
import type { CampaignContent } from './prepare.js';
import { readSource, renderTemplate } from './render.js';
import { checkSubject, renderSubject } from './subject.js';

export interface GivenFile {
  readonly fileName: string;
  readonly source: Buffer;
  /** Empty or absent: the file's title. */
  readonly subject?: string;
}

/** A file, read. */
export interface ReadUpload {
  readonly format: CampaignFormat;
  /** As it is kept, to be read again when tags become something else. */
  readonly source: string;
  readonly content: Omit<CampaignContent, 'id' | 'settings'>;
  readonly foreign: readonly ForeignTag[];
}

/** Reads a file of any format. Throws `template-refused`. */
export async function readUpload(ctx: Context, list: ListFacts, upload: GivenFile): Promise<ReadUpload> {
  const binary = binaryFormat(upload.fileName);
  if (binary === 'message') return readFinished(ctx, list, upload);
  if (binary === 'zip') return readPacked(upload);
  return readText(upload);
}

async function readText(upload: GivenFile): Promise<ReadUpload> {
  const source = readSource(upload.source);
  const given = renderSubject(upload.subject?.trim() ?? '', new Map());
  const { format, html, text, title, foreign } = await renderTemplate(upload.fileName, source);
  const subject = checkSubject(given.subject === '' ? title : given.subject);
  return { format, source, content: { subject, html, text }, foreign: mergeTags(given.foreign, foreign) };
}

async function readFinished(ctx: Context, list: ListFacts, upload: GivenFile): Promise<ReadUpload> {
  const { source, subject, html, text, foreign } = await readMessage(ctx, list, upload.source);
  const given = upload.subject?.trim() ?? '';
  const content = { subject: checkSubject(given === '' ? subject : given), html, text, message: source };
  return { format: 'message', source, content, foreign };
}

async function readPacked(upload: GivenFile): Promise<ReadUpload> {
  const files = await readArchive(upload.source);
  const [path, bytes] = pageOf(files);
  const { source, pictures } = packPage(readSource(bytes), path, files);
  const page = await readText({ ...upload, fileName: 'page.html', source: Buffer.from(source) });
  return { ...page, format: 'zip', content: { ...page.content, pictures } };
}

/** Each tag once. */
export function mergeTags(first: readonly ForeignTag[], second: readonly ForeignTag[]): ForeignTag[] {
  return [...second, ...first.filter(({ tag }) => second.every((other) => other.tag !== tag))];
}
