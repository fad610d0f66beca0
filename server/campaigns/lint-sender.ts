import type { Judged } from '../mail/dns-verdicts.js';
import { isAligned } from '../mail/dkim-signature.js';
import { finding, type Finding } from './lint-finding.js';

/** Who a mail says that it is from, who signs it, and what the DNS was last seen to say of the keys. */
export interface Sender {
  readonly fromDomain: string;
  readonly signingDomains: readonly string[];
  /** The worst of all keys; null: nobody has looked yet. */
  readonly key: Judged['verdict'] | null;
}

/** Mail services where everybody has an address: they ask receivers to refuse their domain from elsewhere. */
const FREE = new Set(
  `gmail.com googlemail.com yahoo.com outlook.com hotmail.com live.com icloud.com aol.com gmx.de gmx.net web.de wp.pl o2.pl onet.pl interia.pl proton.me protonmail.com mail.ru`.split(
    ' ',
  ),
);

/** Does the signature speak for the address in From (DMARC), and can receivers check it? */
export function lintSender({ fromDomain, signingDomains, key }: Sender): Finding[] {
  const aligned = signingDomains.filter((domain) => isAligned(domain, fromDomain));
  return [
    ...(FREE.has(fromDomain) ? [finding('sender-free', 'look', { detail: fromDomain })] : []),
    aligned.length > 0
      ? finding('sender-aligned', 'good', { detail: fromDomain })
      : finding('sender-unaligned', 'stop', { detail: signingDomains[0] ?? fromDomain }),
    keyFinding(fromDomain, key),
  ];
}

function keyFinding(detail: string, key: Sender['key']): Finding {
  switch (key) {
    case 'ok':
      return finding('key-shown', 'good', { detail });
    case 'missing':
    case 'waiting':
      return finding('key-missing', 'look', { detail });
    case 'wrong':
      return finding('key-wrong', 'look', { detail });
    default:
      return finding('key-unknown', 'look', { detail });
  }
}
