import { fieldName } from '../mail/template-tag.js';
import type { Becomes, TagSystem } from './becomes.js';

/** One tag as some mailing system reads it. */
export type ReadForeign =
  | { readonly kind: 'value'; readonly system: TagSystem; readonly becomes: Becomes }
  | { readonly kind: 'open'; readonly system: TagSystem; readonly becomes: Becomes; readonly isNegated: boolean }
  | { readonly kind: 'else' }
  | { readonly kind: 'close' }
  | { readonly kind: 'refused'; readonly why: RefusedTag };

/** Kinds of tag that are never read, whoever asks (T11). */
export type RefusedTag = 'loop' | 'partial' | 'program';

/** Tags of the usual systems. Each pattern is bounded, so that reading stays linear. */
export const FOREIGN = new RegExp(
  [
    String.raw`\{%[^%\n]{0,200}%\}|\*\|[^|\n]{1,200}\|\*|\[\[[\w .:]{1,60}\]\]`,
    String.raw`%%[\w .:-]{1,60}%%|<%[^%\n]{1,200}%>|\$\{[^{}\n]{1,200}\}|\{\$[\w.]{1,80}\}`,
    String.raw`%[A-Z][A-Z_]{3,40}%(?![0-9A-Fa-f]{2})|%recipient\.\w{1,40}%|\[%[^%\n]{1,80}%\]|@TrackLink\b`,
    String.raw`\[(?:LINK_(?:UNSUBSCRIBE|PREFERENCES|BROWSER)|MERGE_\w{1,40}|(?:EMAIL|FNAME|LNAME|NAME|FIRST_?NAME|LAST_?NAME|FULL_?NAME|LIST_ID|SUBSCRIPTION_ID|CAMPAIGN_ID)(?:\/[^\]\n]{0,60})?)\]`,
    String.raw`\[(?:UN)?SUBSCRIBE(?:URL)?\]|\[PREFERENCES(?:URL)?\]|\[(?:FORWARD|CONFIRMATION|BLACKLIST|JUMPOFF|VIEWBROWSER)(?:URL|FORM)?\]`,
    String.raw`\[(?:USERTRACK|USERID|UNIQID|FOOTER|SIGNATURE|CONTENT|WEBSITE|DOMAIN|LISTS|LISTOWNER|SUBJECT|FROMEMAIL|CONTACT(?::\w{1,20})?)\]`,
    String.raw`\[[A-Z][A-Z0-9 _-]{1,40}%%[^\]\n]{0,60}\]`,
  ].join('|'),
  'g',
);

/** Reads what stands between the double braces of another system: Go templates, Mustache, or a variable that only its author knows. */
export function readBraces(inside: string): ReadForeign {
  const text = inside.trim().replace(/\s+/g, ' ');
  if (/__proto__|constructor|prototype|\.\.\/|^@|^lookup\b/i.test(text)) return { kind: 'refused', why: 'program' };
  if (/^>/.test(text)) return { kind: 'refused', why: 'partial' };
  if (/^#\s*(?:each|with|list)\b|^\/\s*(?:each|with|list)$|^range\b/.test(text))
    return { kind: 'refused', why: 'loop' };
  if (/^-?\s*end\s*-?$/.test(text)) return { kind: 'close' };
  if (/^else$/.test(text)) return { kind: 'else' };
  const goCondition = /^if (not )?(\.[\w.]+)$/.exec(text);
  if (goCondition) return opens('listmonk', goCondition[2] ?? '', goCondition[1] !== undefined);
  if (/^if\b/.test(text)) return { kind: 'open', system: 'listmonk', becomes: { as: 'always' }, isNegated: false };
  const section = /^([#^/])\s*(?:(?:if|unless)\s+)?([\w.:-]{0,60})$/.exec(text);
  if (section) return readSection(section[1] ?? '', section[2] ?? '', /^#\s*unless\b/.test(text));
  if (/^[#^/]/.test(text)) return { kind: 'refused', why: 'program' };
  if (isGo(text)) return value('listmonk', text);
  const given = /^default ([\w.]+) ["']([^"']*)["']$/.exec(text);
  if (given) return value('unknown', `${given[1] ?? ''}%%${given[2] ?? ''}`);
  // Anything with arguments is a helper, which would be executed.
  return /^[\p{L}\p{N}_.$:-]+(?: ?\| ?default:? ?["'][^"']*["'])?$/u.test(text)
    ? value('unknown', text)
    : { kind: 'refused', why: 'program' };
}

/** Reads any other tag; `tag` is a match of `FOREIGN`. */
export function readForeign(tag: string): ReadForeign {
  if (tag.startsWith('*|')) return readMailchimp(tag.slice(2, -2).trim());
  if (/^(?:<%|\{%)/.test(tag)) return { kind: 'refused', why: 'program' };
  if (tag.startsWith('[LINK_') || tag.startsWith('[MERGE_') || /_ID\]$|\//.test(tag))
    return value('mailtrain', tag.slice(1, -1));
  if (/^\[[A-Z]/.test(tag)) return value('phplist', tag.slice(1, -1));
  if (tag === '@TrackLink') return { kind: 'value', system: 'listmonk', becomes: NOTHING };
  return value('unknown', tag.replace(/^[^\w]+|[^\w]+$/g, ''));
}

const NOTHING: Becomes = { as: 'text', text: '' };

function readMailchimp(text: string): ReadForeign {
  const system = 'mailchimp';
  if (/^(?:END:\w+)$/.test(text)) return { kind: 'close' };
  if (/^ELSE:?$/.test(text)) return { kind: 'else' };
  const condition = /^IF(NOT)?:\s*(\w{1,40})$/.exec(text);
  if (condition) return opens(system, condition[2] ?? '', condition[1] !== undefined);
  if (/^(?:IF|INTERESTED|ELSEIF|NOTINTERESTED|GROUP)[A-Z-]*:/.test(text) && !text.startsWith('ELSEIF')) {
    return { kind: 'open', system, becomes: { as: 'always' }, isNegated: false };
  }
  if (text.startsWith('ELSEIF')) return { kind: 'refused', why: 'program' };
  // With the format in which they write it; ours is in the reader's language.
  if (/^DATE:\S/.test(text)) return value(system, 'DATE');
  return value(system, text.replace(/^(?:URL|TITLE|HTML):(?=[A-Z]+$)/, ''));
}

function readSection(mark: string, name: string, isUnless: boolean): ReadForeign {
  if (mark === '/') return { kind: 'close' };
  return opens('unknown', name, mark === '^' || isUnless);
}

function opens(system: TagSystem, name: string, isNegated: boolean): ReadForeign {
  const known = fieldOf(name);
  return { kind: 'open', system, isNegated, becomes: known ? { as: 'if', field: known } : { as: 'always' } };
}

function value(system: TagSystem, text: string): ReadForeign {
  return { kind: 'value', system, becomes: becomesOf(text) };
}

function becomesOf(text: string): Becomes {
  const link = /^TrackLink\s+["'`]([^"'`]{0,500})["'`]/.exec(text)?.[1];
  if (link !== undefined) return { as: 'text', text: link };
  const [name = '', fallback = ''] = /^(.*?)(?:%%|\/|\|(?:\s*default:?\s*)?)\s*["']?([^"']*)["']?$/
    .exec(text)
    ?.slice(1) ?? [text, ''];
  const known = fieldOf(name);
  return known ? { as: 'field', field: known, fallback: isAttribute(known) ? fallback.trim() : '' } : NOTHING;
}

function isAttribute(field: string): boolean {
  return field.startsWith('attribute.');
}

/** Our field for a name of theirs; null: nothing that we have. Letters and digits decide. */
function fieldOf(name: string): string | null {
  const own = /^\.?(?:Subscriber\.Attribs|attributes?)\.(\w{1,40})$/.exec(name)?.[1];
  if (own !== undefined) return fieldName(`attribute.${own}`);
  const plain = name
    .replace(/^(?:\.?Subscriber\.|subscriber\.|contact\.|recipient\.|MERGE_(?=\D)|user[._]|pm[:_]|l\.)/i, '')
    .replace(/\s+\.$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');
  return KNOWN.get(plain) ?? null;
}

function isGo(text: string): boolean {
  return /^(?:\.[A-Z]|UnsubscribeURL\b|ManageURL\b|OptinURL\b|MessageURL\b|ArchiveURL\b|TrackLink\b|TrackView\b|template\b|L\.|Date\b|Safe\b)/.test(
    text,
  );
}

const NAMES: Readonly<Record<string, string>> = {
  unsubscribe_url:
    'unsub unsubscribe unsubscribeurl unsubscribelink linkunsubscribe unsubscribedlink optout optouturl optoutlink removelink blacklisturl blacklist jumpoffurl jumpoff unsubscribetext rawunsubscribe asmgroupunsubscribeurl asmgroupunsubscriberawurl unsubscribehref',
  preferences_url:
    'updateprofile preferences preferencesurl preferenceslink linkpreferences manageurl manage managepreferences preferencecenter updatepreferences subscriptionpreferences managesubscription managesubscriptions asmpreferencesurl asmpreferencesrawurl updateprofileurl',
  web_version_url:
    'archive archiveurl linkbrowser viewbrowser viewbrowserurl webversion webversionurl viewinbrowser messageurl browserlink',
  email: 'email emailaddress useremail subscriberemail mail recipientemail toemail',
  list: 'listname list lists subscriberlist mailinglist',
  organisation:
    'listcompany company companyname organisation organization sendername businessname fromname brandname listowner',
  postal_address:
    'listaddress listaddressline listaddressvcard listaddressvcardhref htmllistaddresshtml listaddresshtml companyaddress address postaladdress senderaddress',
  subject: 'mcsubject subject campaignsubject subjectline',
  date: 'date today currentdate mcdate',
  year: 'currentyear year',
  'attribute.first_name': 'fname firstname givenname merge1',
  'attribute.last_name': 'lname lastname surname familyname merge2',
  'attribute.name': 'name fullname username subscribername merge',
  'attribute.phone': 'phone phonenumber',
  'attribute.city': 'city town',
  'attribute.country': 'country',
};

const KNOWN = new Map(Object.entries(NAMES).flatMap(([field, names]) => names.split(' ').map((name) => [name, field])));
