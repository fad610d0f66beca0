/** Why a request is refused. One closed union: web/errors.ts maps each code to a status and a page, and a test meets each. */
export type RefusalCode =
  | 'link-damaged'
  | 'link-expired'
  | 'link-used'
  | 'list-unknown'
  | 'form-unknown'
  | 'consent-missing'
  | 'address-invalid'
  | 'ticket-invalid'
  | 'body-invalid'
  | 'body-too-large'
  | 'type-unsupported'
  | 'method-not-allowed'
  | 'too-many'
  | 'not-found'
  | 'not-now'
  | 'not-allowed'
  | 'login-needed'
  | 'login-failed'
  | 'template-refused'
  | 'message-refused'
  | 'campaign-state'
  | 'receipt-unknown'
  | 'config-invalid'
  | 'keys-invalid'
  | 'log-refuses'
  | 'database-busy';

/** An expected "no": something outside is not as it must be. Nothing was changed. Everything else that is thrown is a bug. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly code: RefusalCode,
    message: string,
    /** What the page or the problem document needs to say more; never personal data, never a token. */
    readonly facts: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
