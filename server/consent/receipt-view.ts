import type { Request } from 'express';
import { htmlToText } from '../mail/html-to-text.js';
import { attributeOf } from '../mail/nodes.js';
import { readMail } from '../mail/read-mail.js';
import { organisationBase, type Site } from '../web/http.js';
import type { ReceiptPage } from '../web/pages.js';
import { receiptAct } from './receipt-acts-view.js';
import type { Receipt } from './receipt.js';
import { VALIDITY } from './terms.js';

/** A receipt as a page to read. `downloadHref`: where the file is; null: whoever reads it may not have it. */
export function receiptPage(
  site: Site,
  req: Request,
  { receipt, language, downloadHref }: { receipt: Receipt; language: string; downloadHref: string | null },
): ReceiptPage {
  const { terms, events, acts } = receipt;
  const base = organisationBase(site, req, language, receipt.list.organisation);
  const handoff = events.find(({ record }) => record.kind === 'confirmed')?.record.mail_handoff;
  return {
    ...base,
    ...{ number: receipt.number, claim: receipt.claim, issuedAt: receipt.issuedAt, address: receipt.address },
    list: { name: terms.list.name },
    sender: events.at(-1)?.record.controller?.name ?? receipt.list.organisation.legalName,
    confirmedAt: acts.find(({ kind }) => kind === 'confirmed')?.at ?? receipt.issuedAt,
    withdrawnAt:
      receipt.claim === 'withdrawal' ? (acts.findLast(({ kind }) => kind === 'withdrawn')?.at ?? null) : null,
    wording: receipt.wording,
    agreed: {
      about: terms.purposes.map(({ text }) => text).join(' '),
      frequency: terms.list.frequency,
      duration: terms.retention.rule === VALIDITY ? null : terms.retention.rule,
      ...{ recipients: terms.recipients, storage: terms.storage_locations, transfers: terms.transfers },
    },
    notice: noticeOf(receipt),
    acts: events.flatMap((event) => receiptAct({ site, language, zone: base.zone }, event, handoff) ?? []),
    byReply: acts.some(({ byReply }) => byReply),
    shown: shownOf(receipt),
    download:
      downloadHref === null
        ? null
        : {
            ...{ href: downloadHref, bytes: Buffer.byteLength(receipt.file) },
            ...{ dpvHref: `${downloadHref}?as=dpv`, kantaraHref: `${downloadHref}?as=kantara` },
          },
    proof: proofOf(receipt),
  };
}

function proofOf({ log, checkpoint, leafIndex, stamps, witnesses, anchors }: Receipt): ReceiptPage['proof'] {
  return {
    ...{ origin: log.origin, leafIndex, treeSize: checkpoint.size },
    rootHash: checkpoint.root.toString('base64'),
    vkey: log.vkey,
    checkpointAt: checkpoint.signedAt,
    ...{ anchors: stamps, witnesses, anchorHours: hoursOf(anchors.interval) },
  };
}

/** Of an ISO 8601 duration in days and hours. */
function hoursOf(interval: string | null): number | null {
  const [, days = '0', hours = '0'] = /^P(?:(\d+)D)?(?:T(\d+)H)?$/.exec(interval ?? '') ?? [];
  return Number(days) * 24 + Number(hours) || null;
}

function noticeOf({ events, texts }: Receipt): ReceiptPage['notice'] {
  const notice = events.findLast(({ record }) => record.kind === 'confirmed')?.record.notice;
  const text = notice && texts.get(notice.sha256);
  return notice && text !== undefined ? { version: notice.version, paragraphs: text.split(/\n{2,}/) } : null;
}

/** Form, mail and page as a reader saw them, as text. */
function shownOf({ events, texts }: Receipt): ReceiptPage['shown'] {
  const shown: { kind: 'form' | 'mail' | 'page'; text: string }[] = [];
  for (const { record, fields } of events) {
    const form = record.form?.sha256 === undefined ? undefined : texts.get(record.form.sha256);
    if (form !== undefined) shown.push({ kind: 'form', text: pageText(form) });
    if (fields.mail) shown.push({ kind: 'mail', text: mailText(fields.mail.value) });
    const hash = record.confirm?.method === 'POST' ? record.confirm.page_sha256 : undefined;
    const page = hash === undefined ? undefined : texts.get(hash);
    if (page !== undefined) shown.push({ kind: 'page', text: pageText(page) });
  }
  return shown;
}

function mailText(source: string): string {
  const mail = readMail(Buffer.from(source, 'latin1'));
  return `${mail.subject}\n\n${mail.text.trim()}`;
}

// Words for another site's form are JSON; a page is HTML, with its boxes and buttons as signs.
function pageText(source: string): string {
  if (source.startsWith('{')) return JSON.stringify(JSON.parse(source), null, 2).replace(PLACE, '[…]');
  const signed = source
    .replace(/<\/dt>\s*<dd[^>]*>/g, ': ')
    .replace(/<input[^>]*type="checkbox"[^>]*>/g, '☐ ')
    .replace(/<button[^>]*>(.*?)<\/button>/gs, '<p>[ $1 ]</p>');
  const text = htmlToText(signed, (element) => ['skip', 'languages'].includes(attributeOf(element, 'class') ?? ''));
  return text.replace(PLACE, '[…]').trim();
}

const PLACE = /\{\{\w+\}\}/g;
