/** Which of the log's texts could not be read. */
export type MalformedWhat =
  | 'vkey'
  | 'note'
  | 'signature'
  | 'checkpoint'
  | 'tlog-proof'
  | 'tile-path'
  | 'cosignature'
  | 'policy'
  | 'add-checkpoint'
  | 'time-stamp';

/** A text of the log that came from outside is not what its C2SP specification says. Nothing of it may be used. */
export class Malformed extends Error {
  override readonly name = 'Malformed';

  constructor(
    readonly what: MalformedWhat,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
