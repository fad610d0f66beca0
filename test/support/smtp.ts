import { createTransport } from 'nodemailer';

/** Sends a mail to the service's own inbound port, as another server would: which recipients it took, and which not. */
export async function sendMail(
  { service }: { service: { readonly inboundPort: number | null } },
  to: readonly string[],
  head = '',
  body = 'please',
): Promise<{ accepted: string[]; rejected: string[] }> {
  const transport = createTransport({ host: 'localhost', port: service.inboundPort ?? 0, ignoreTLS: true });
  try {
    const raw = `From: chen@example.org\r\nTo: somebody\r\nSubject: unsubscribe\r\n${head}\r\n${body}\r\n`;
    const result = await transport.sendMail({ envelope: { from: 'chen@example.org', to: [...to] }, raw });
    return { accepted: result.accepted.map(String), rejected: result.rejected.map(String) };
  } catch (error) {
    const { rejected } = error as { rejected?: unknown };
    if (Array.isArray(rejected)) return { accepted: [], rejected: rejected.map(String) };
    throw error;
  } finally {
    transport.close();
  }
}
