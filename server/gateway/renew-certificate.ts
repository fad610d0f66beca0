import type { SMTPServer } from 'smtp-server';
import type { Config } from '../config.js';
import type { Context } from '../context.js';
import { readCertificate, type Certificate } from './certificate.js';
import type { Limits } from './limits.js';

/**
 * Takes a renewed certificate into use without a restart: for connections from then on. While only one of its two files is new they do not belong together, and the
 * former stays. Returns what ends it.
 */
export function watchCertificate(
  ctx: Context,
  { certificateMs }: Pick<Limits, 'certificateMs'>,
  {
    tls,
    first,
    servers,
  }: { tls: NonNullable<Config['gatewayTls']>; first: Certificate; servers: readonly SMTPServer[] },
): () => void {
  let used = first;
  let isTold = false;
  const look = async (): Promise<void> => {
    try {
      const found = await readCertificate(tls);
      isTold = false;
      if (found.cert.equals(used.cert) && found.key.equals(used.key)) return;
      for (const server of servers) server.updateSecureContext({ cert: found.cert, key: found.key });
      used = found;
      ctx.logger.info('the gateway has a new certificate');
    } catch (error) {
      // Once, not every minute.
      if (!isTold)
        ctx.logger.warn({ err: error }, 'the certificate of the gateway cannot be renewed: the former stays');
      isTold = true;
    }
  };
  const timer = setInterval(() => void look(), certificateMs);
  timer.unref();
  return () => clearInterval(timer);
}
