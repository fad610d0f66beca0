import { valueIn } from './bounce-mail.js';
import { fieldsNamed, type RawHeader } from './mime-fields.js';
import { decodeWords } from './read-mail.js';

/** Who writes that a mail did not arrive. */
const PROGRAM =
  /mailer-?daemon|mail ?delivery|post(?:master|office)|mdaemon|delivery[-_ ]?(?:subsystem|agent|status|system|failure)|(?:e-?mail|mail|internet mail|message) ?(?:system|administrator|transport|router|gateway|service|server)|daemon@|majordomo|administrator|^\s*<?>?\s*$/i;

/** What it is called. */
const SUBJECT =
  /^\W*(?:(?:automatic(?:ally)? rejected|\[?warning\]?|error|notification|attention|returned|system error|status)\W+)?.{0,20}?(?:undeliver|non ?-?deliver|not deliver|deliver(?:y|able)? ?(?:status|fail|report|problem|error|notification|unsuccess|has failed|delay|attempts?)|message (?:delivery|not|you sent|could)|fail(?:ed|ure) ?(?:notice|delivery|mail|to deliver)|returned (?:mail|message|to sender|e-?mail)|mail (?:delivery|error|could not|failure|system error|returned)|(?:could|can)(?: ?n[o']t| not) be (?:deliver|sent)|could not send|bounce|nondeliverable|unable to deliver|unzustellbar|nicht zugestellt|zustellung|rejected|mail failed|returning (?:mail|message|to)|unknown (?:user|recipient)|user unknown|non remis|non recapitabil|niedor[ęe]cz|nie dostarcz|devuelt|no entregad|onbestelbaar|回送|配信|配達|エラー)/iu;

/** What the text says then. */
const FAILED =
  /(?:could|can|was|were|has|have|did|is)(?: ?n[o']t| not)(?: be| been)?(?: able to)?(?: (?:be )?(?:successfully|automatically))? ?(?:deliver|sent|reach|accept|received|process|send)|(?:unable|failed|failure|impossible) (?:to )?(?:deliver|send|relay|forward)|undeliver|non-?deliver|delivery (?:to the following|to these|has failed|failed|error|attempt|failure|status|incomplete)|permanent(?:ly)? (?:fatal )?(?:error|fail|delivery)|fatal errors?|(?:following|these) (?:address|recipient|destination)(?:e?s|\(e?s\))?\b|return(?:ed|ing) (?:to sender|mail|message|undelivered)|rejected (?:your|by|for)|your (?:message|e-?mail|mail) .{0,60}(?:reject|bounc|refus|return|not deliver|block)|message .{0,40}(?:rejected|refused|bounced)|user(?:'s)? (?:mail ?box|unknown|does)|unknown user|mail ?box (?:is )?full|over quota|no such user|smtp error|(?:remote|mail) (?:mail )?(?:server|host) .{0,40}(?:said|respon|error|return)|sorry,? (?:no|your|i|we|we're|we were|there)|\b5\d\d[ -](?:#?5\.\d\.\d|[a-z<])|nicht zugestellt|konnte nicht|niet (?:worden )?(?:afgeleverd|bezorgd)|n'a pas pu|could n't/i;

/** It may still arrive. */
const DELAYED =
  /delayed|will (?:continue|keep|be retried|retry|try)|still (?:being )?(?:trying|retried|in the queue)|not yet been|(?:only )?a? ?warning (?:message )?only|do not need to re-?send|attempts will continue|no action is required|transient (?:non-?fatal )?(?:error|fail)/i;
const GIVEN_UP =
  /gave up|given up|giving up|permanent|no longer|has been (?:returned|removed)|not going to try|cannot be delivered|fatal|no further/i;

/** Does a mail that has no machine-readable part tell that another did not arrive, or not yet? null: it does not. */
export function isNonDelivery(header: RawHeader, text: string): 'failed' | 'delayed' | null {
  const subject = decodeWords(valueIn(header, 'subject'));
  const from = fieldsNamed(header, 'from');
  const isFromProgram = PROGRAM.test(from[0]?.value ?? 'nobody') || isNull(header) || isReportType(header);
  const saysSo = FAILED.test(text);
  const isReport =
    fieldsNamed(header, 'x-failed-recipients').length > 0 || (isFromProgram && (saysSo || SUBJECT.test(subject)));
  if (!isReport && !(SUBJECT.test(subject) && saysSo)) return null;
  return DELAYED.test(`${subject}\n${text}`) && !GIVEN_UP.test(text) ? 'delayed' : 'failed';
}

function isReportType(header: RawHeader): boolean {
  return /^multipart\/report\b/i.test(valueIn(header, 'content-type'));
}

function isNull(header: RawHeader): boolean {
  return /^<\s*>$/.test(valueIn(header, 'return-path'));
}
