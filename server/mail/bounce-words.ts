/** Why a mail did not arrive, in our words; the action that follows is in `bounce-judge.ts`. */
export const BOUNCE_REASONS = [
  // The address is none.
  ...(['user-unknown', 'host-unknown', 'moved', 'no-mail-taken'] as const),
  // It may work later.
  ...(['mailbox-full', 'mailbox-disabled', 'filtered', 'busy', 'expired'] as const),
  ...(['network', 'system', 'relaying', 'undefined'] as const),
  // We, or our mail, are refused.
  ...(['too-large', 'spam', 'virus', 'content', 'blocked', 'reverse-dns'] as const),
  ...(['authentication', 'encryption', 'sender', 'rate', 'policy'] as const),
];
export type BounceReason = (typeof BOUNCE_REASONS)[number];

/**
 * What servers say in words, the surer first: the first that fits counts. All in lower case, blanks in rows made one. Each expression is linear: no two
 * unbounded repeats side by side.
 */
const WORDS: readonly (readonly [BounceReason, RegExp])[] = [
  [
    'busy',
    /receiving mail at a rate|receiving mail too quickly|recipient.{0,30}too many messages .{0,20}(?:hour|minute)/,
  ],
  [
    'mailbox-full',
    /(?:mail ?box|inbox|mail ?folder|mail ?drop|postfach|account)\b.{0,40}(?:\bfull\b|size (?:limit )?exceed|exceed.{0,20}(?:limit|size|storage)|out of (?:storage|space)|over its? limit|voll\b)|full (?:mail ?box|inbox)|mailbox size limit|quota|number of messages in|out of storage|too many (?:messages|mails) (?:on|in|stored)|zu ?viele mails|exceeded storage|not enough (?:storage )?space|insufficient (?:disk|storage|system storage)|no space left/,
  ],
  [
    'too-large',
    /(?:message|mail|e-mail|nachricht) (?:is |was |header )?(?:too (?:large|big|long)|size\b.{0,40}(?:exceed|limit|larger|greater|too))|size ?limit|exceed\w* .{0,40}(?:message|maximum|max\.?|fixed|allowed) .{0,20}size|message length exceeds|(?:file|maximum) size .{0,20}exceed|larger than .{0,40}(?:limit|allowed)/,
  ],
  ['virus', /\bvirus|malware|infected|trojan/],
  [
    'authentication',
    /\bdmarc\b|\bspf\b|\bdkim\b(?!-signature)|unauthenticated|authentication (?:fail|required|is required|check)|not (?:properly )?authenticated|sender ?id\b|not allowed to send (?:from|mail|e-?mail)|is not authorized to (?:send|use)/,
  ],
  [
    'reverse-dns',
    /reverse ?-?dns|\bptr\b|\brdns\b|reverse (?:lookup|hostname|name|mapping|ip)|ip name lookup failed|cannot find your (?:reverse )?hostname|no (?:valid )?(?:reverse|ptr)|without a valid sender domain|does not have a (?:valid )?(?:reverse|ptr|host)/,
  ],
  [
    'sender',
    /sender (?:address )?(?:is )?(?:rejected|denied|refused|invalid|unknown|blocked|not allowed|verify)|(?:sender|sending|return|from) (?:domain|address)\b.{0,80}(?:not accepted|does not exist|not exist|invalid|not found|rejected|unresolv|must resolve|refused|blocked|denied|malformed)|domain of sender|purported responsible|invalid (?:sender|return address)|you are not allowed to post|may not have permission to post|permission to post/,
  ],
  ['encryption', /starttls|\btls (?:is )?(?:required|failed|error|negotiation)|certificate (?:verif|error|expired)/],
  [
    'spam',
    /spam(?!haus|cop)|\bu[bc]e\b|unsolicited|bulk (?:e-?)?mail|mass ?mail|junk ?mail|[us]rbl\b|too many complaints|user complaints|phish/,
  ],
  [
    'relaying',
    /relay(?:ing)? (?:access )?(?:denied|not permitted|not allowed|prohibited|refused)|relaying|not (?:allowed )?to relay|cannot relay|unable to relay|as a relay|open relay|rcpthosts|relay not/,
  ],
  [
    'blocked',
    /black ?-?list|block ?-?list|block list|dnsbl|\brbl\b|spamhaus|spamcop|blocked (?:using|by|due|-|for)|has been blocked|banned|reputation|(?:client )?host (?:rejected|.{0,60} blocked|not allowed)|(?:your )?\b(?:ip|address|server|network|connection)s? .{0,60}(?:\bblocked|refused to talk|is blocked|not welcome|bad dns)|connections? (?:not accepted|rejected|denied|blocked)|temporarily deferred due|error code: 421 service not available|no smtp service|service refus/,
  ],
  [
    'rate',
    /too many (?:connections|concurrent|sessions|recipients|errors)|connection rate|rate limit|throttl|unusual(?:ly)? (?:high )?(?:rate|volume)|unexpected volume|sending too (?:fast|quickly|many)/,
  ],
  ['network', /host not found, try again|temporary (?:lookup|resolution) failure/],
  [
    'no-mail-taken',
    /(?:host|domain|server) (?:name )?(?:does not|doesn't|do not|never) accept (?:any )?(?:e-?)?mail|null ?mx|no mail (?:is )?(?:accepted|service) (?:here|for this domain)|(?:does not accept|not accepting) (?:network )?(?:mail|messages)|smtp protocol returned a permanent error.{0,40}no mail/,
  ],
  [
    'moved',
    /(?:has moved|moved to|new (?:e-?mail )?address is|no longer (?:at|on|in|with)|has changed (?:his|her|their|its)? ?(?:e-?mail )?address|has left|forwarding (?:address )?expired)/,
  ],
  [
    'mailbox-disabled',
    /(?:account|mail ?box|user|recipient|address|compte|addressee)\b.{0,60}(?:\bdisabled|suspended|\binactive|locked|frozen|discontinued|deactivated|\bblocked|bloque|\bexpired|\bclosed|not active|over limit|on vacation hold)|(?:disabled|suspended|inactive|locked|deactivated) (?:account|user|mail ?box|e-?mail|recipient)/,
  ],
  [
    'user-unknown',
    /(?:user|recipient|addressee|mail ?box|account|login|alias|address|customer) (?:name )?(?:is )?(?:unknown|not (?:found|exist|known|listed|valid|recognized|local|here)|invalid|undeliverable)|unknown (?:user|recipient|local|address|mail ?box|account|virtual|addressee|login|or illegal)|no such (?:user|mail ?box|recipient|address|person|account|local|addressee|e-?mail|mail ?drop|name|id\b)|(?:user|recipient|mail ?box|account|address(?:ee)?|alias)(?:\(s\))?\b.{0,90}(?:does not|doesn't|doesnt|do not|not) exist|(?:doesn't|does not) have an? .{0,70}account|does not like recipient|(?:invalid|bad|illegal|wrong|incorrect|nonexistent|non-existent) (?:recipient|mail ?box|user|(?:e-?mail )?address|destination|addressee)|no mail ?box|recipient ?not ?found|recipnotfound|no (?:valid )?(?:recipients?|account|user) (?:here|by that name|with that|found|was found|on this)|not a (?:valid|known|local) (?:mail ?box|recipient|user|address)|not listed in|not our customer|(?:address|recipient) rejected(?!:)|address (?:unknown|not found|error|invalid)|unroutea?ble address|(?:mail ?box|address|user|account) (?:not|is not|isn't|currently) ?(?:available|unavailable|valid)|mail ?box unavailable|konto niedost|nie istnieje|(?:destinataire|utilisateur|adresse).{0,40}(?:inconnu|n'existe)|inconnu a cette|(?:benutzer|empf.nger|adress|postfach).{0,60}(?:unbekannt|nicht (?:gefunden|bekannt|existiert|vorhanden))|usuario.{0,30}(?:desconocido|no existe)|utente (?:sconosciuto|inesistente|non)|utente.{0,30}sconosciuto|unbekannt(?:er|e) (?:benutzer|empf)|not in (?:our|the|my) (?:directory|list|customer)|address could(?:n't| not) be found|could not find (?:a|the|any|that)? ?(?:user|recipient|mail ?box)|can'?t find (?:user|recipient)|\blistet? nicht|not found in (?:directory|the address)|recipient.{0,20}could not be (?:found|resolved)|name in .{0,40}address book/,
  ],
  [
    'host-unknown',
    /(?:host|domain)(?: name)?(?: or domain name)? (?:is )?(?:unknown|not found|not known|lookup|invalid)|\bhost \S{1,100} not found|unknown host|(?:host|domain|name)\b.{0,60}(?:does not|doesn't) exist|domain is not reachable|unknown (?:mail )?(?:host|domain)|no such (?:host|domain)|nxdomain|name or service not known|non-?existent (?:host|domain)|illegal host|could ?n[o']t find any host|unroutea?ble (?:mail )?domain|host (?:or domain )?name not|all relevant mx records point to non-existent|no mx record|domain name not found|can'?t find .{0,30}(?:host|domain)|bad address syntax/,
  ],
  [
    'content',
    /content (?:rejected|reject|filter|not)|message (?:content )?(?:rejected|refused|denied|blocked)|headers? (?:error|too large|.{0,20}(?:duplicate|invalid|missing|not allowed))|duplicate header|multiple .{0,40}(?:from|subject|addresses)|rfc ?(?:2822|5322|822|\d{3,4}).{0,20}complian|(?:prohibited|illegal|banned|forbidden) (?:attachment|file|content)|attachment.{0,40}(?:not allowed|rejected|block)|looks like/,
  ],
  [
    'policy',
    /polic(?:y|ies)|protocol (?:violation|error)|administratively|prohibited|access (?:is )?denied|not permitted|permission|denied|not allowed|security|unauthorized|forbidden|restricted|not accepted/,
  ],
  ['filtered', /filter|rejected by (?:the )?(?:recipient|user)|rejected by a remote|message rejected by/],
  [
    'expired',
    /timed? ?-?out|expired|retry timeout|(?:queue|delivered).{0,30}too long|could not be delivered (?:for|within|in) |too long in|delivery time|retries|not been (?:able to )?deliver.{0,60}(?:hour|day|minute)|did not accept our requests to connect|in the queue for|hop count/,
  ],
  [
    'network',
    /connection (?:refused|reset|dropped|lost|failed|aborted)|connect (?:to|failed)|(?:network|host) (?:is )?(?:unreachable|down|not responding)|no route to|too many hops|\bloop|name server|dns|(?:socket|network|i\/o|communication) error|could not connect|unable to connect|establish an smtp connection|wasn't able to connect|lookup/,
  ],
  [
    'system',
    /(?:system|local|internal|configuration|config|mailer|server|resource|service) (?:config )?(?:error|problem|failure|unavailable|not available)|transaction failed|temporar|try again|later|\bdisk\b|resources|could not load|mailer|command (?:parameter )?not implemented|unable to (?:relay|deliver|process)|unexpected/,
  ],
];

/** The reason that a server's words tell; null: they tell none that we know. */
export function reasonInWords(text: string): BounceReason | null {
  const words = text
    .toLowerCase()
    .replace(/[\u2018\u2019`]/g, "'")
    .replace(/\s+/g, ' ')
    .slice(0, MAX_WORDS);
  return WORDS.find(([, pattern]) => pattern.test(words))?.[0] ?? null;
}

/** Words about the mailbox itself, by whomever and whenever they are said. */
export function saysThereIsNone(text: string): boolean {
  return /\b5\d\d\b.{0,80}(?:doesn't|does not) have an? .{1,70} account|address could(?:n't| not) be found|\bunknown user: /i.test(
    text.slice(0, MAX_WORDS),
  );
}

const MAX_WORDS = 4_000;
