/** The form as it was served. `sha256`: of its page or words with what changes at each request blanked; absent where we did not serve it. */
export interface FormEvidence {
  readonly url: string;
  readonly sha256?: string;
}

/** Who took the confirmation mail over from us, in its own words, and how. A third party's log can be asked for the same (P-13). */
export interface HandoffEvidence {
  readonly at: string;
  /** The server's answer to the message, without addresses; it often names its queue. */
  readonly reply: string;
  /** Host and port, then the version of TLS or `unencrypted`. */
  readonly taken_by?: string;
}

/** Recorded, never acted upon: whoever doubts that a person pressed the button may weigh it (M-52). Whole seconds; what is not known is absent. */
export interface AutomationSignals {
  readonly seconds_since_handoff?: number;
  readonly seconds_on_page: number;
  /** How often the page was fetched before the press, as far as the process that answered knows. */
  readonly page_fetches: number;
}

/** The button on the page was pressed. */
export interface PressEvidence {
  readonly method: 'POST';
  readonly page_sha256?: string;
  readonly language?: string;
}

/** A signed answer came in (P-13). The answer itself is the field `reply`, a letter for each byte (latin1); `sha256` is over these bytes. */
export interface ReplyEvidence {
  readonly method: 'reply';
  /** Of the mail that was answered, and so of the word that was asked for. */
  readonly language: string;
  /** As it was typed. */
  readonly word: string;
  readonly message_id?: string;
  readonly sha256: string;
  readonly dkim: DkimEvidence;
}

/** The signature of the sender's own provider, as it verified on arrival. */
export interface DkimEvidence {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: string;
  /** Of an RSA key; absent for Ed25519. */
  readonly key_bits?: number;
  /** RSA under 2048 bits: it counts, but for less. */
  readonly key_strength: 'full' | 'weak';
  readonly signed_headers: readonly string[];
  /** The key record as the resolver gave it, and SHA-256 of that text. */
  readonly key_record: string;
  readonly key_record_sha256: string;
  readonly seen_at: string;
  /** Whose word it is that the record stood there: no DNSSEC proof is kept, so that of the operator (T14). */
  readonly key_seen_by: 'operator';
}

/** The mail that was sent; `sha256` is over the bytes that left, secret included. */
export interface MailEvidence {
  readonly message_id: string;
  readonly template_version: string;
  readonly sha256: string;
  readonly dkim_domain?: string;
  readonly dkim_selector?: string;
}
