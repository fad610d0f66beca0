import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Config } from '../config.js';
import { Refusal } from '../errors.js';

/** PEM, as node:tls takes it. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** The certificate of the gateway. Throws `config-invalid` when it cannot be read, or certificate and key do not belong together. */
export async function readCertificate({ certFile, keyFile }: NonNullable<Config['gatewayTls']>): Promise<Certificate> {
  try {
    const certificate = { cert: await readFile(certFile), key: await readFile(keyFile) };
    createSecureContext(certificate);
    return certificate;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new Refusal(
      'config-invalid',
      `GATEWAY_TLS_CERT and GATEWAY_TLS_KEY cannot be used: ${code}`,
      {},
      { cause: error },
    );
  }
}
