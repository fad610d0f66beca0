import { hash, X509Certificate } from 'node:crypto';
import { fromBER, ObjectIdentifier, OctetString, Sequence, type BaseBlock } from 'asn1js';
import { Certificate, ContentInfo, ExtKeyUsage, SignedData, TSTInfo, type Attribute, type SignerInfo } from 'pkijs';
import { Malformed } from './malformed.js';

/** A time stamp that holds. */
export interface TimeStamp {
  /** DER of the TimeStampToken, as it came. */
  readonly token: Buffer;
  /** By the authority's clock. */
  readonly at: Date;
  readonly nonce: Buffer | null;
}

/** A certificate that the chain of an authority may end at. */
export type TrustedRoot = Certificate;

export const SHA256 = '2.16.840.1.101.3.4.2.1';
const DIGESTS: Readonly<Record<string, string>> = {
  [SHA256]: 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const SIGNED_DATA = '1.2.840.113549.1.7.2';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';
const CONTENT_TYPE = '1.2.840.113549.1.9.3';
const SIGNING_CERTIFICATE = '1.2.840.113549.1.9.16.2.12';
const SIGNING_CERTIFICATE_V2 = '1.2.840.113549.1.9.16.2.47';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';

/** The certificates in a PEM file. Throws Malformed when there is none, or one that cannot be read. */
export function readRoots(pem: string): TrustedRoot[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    if (blocks.length === 0) throw new Error('no certificate');
    return blocks.map((block) => Certificate.fromBER(new Uint8Array(new X509Certificate(block).raw)));
  } catch (error) {
    throw new Malformed('time-stamp', 'it holds no certificate that can be read', { cause: error });
  }
}

/**
 * Verifies an RFC 3161 token over SHA-256 of a text: the signature, the imprint, the certificate's one use, and its chain at the time that is stamped. Throws
 * Malformed with the reason.
 */
export async function verifyTimeStamp(token: Buffer, note: string, roots: readonly TrustedRoot[]): Promise<TimeStamp> {
  const { signed, signer, info } = open(token);
  const { hashAlgorithm, hashedMessage } = info.messageImprint;
  const imprint = Buffer.from(hashedMessage.getValue());
  if (hashAlgorithm.algorithmId !== SHA256 || !imprint.equals(hash('sha256', note, 'buffer'))) {
    throw new Malformed('time-stamp', 'it stamps something else: the imprint differs');
  }
  checkAttributes(signer);
  const certificate = await verifySignature(signed, note, roots);
  checkUse(certificate);
  checkSigningCertificate(signer, Buffer.from(certificate.toSchema().toBER()));
  return {
    token,
    at: info.genTime,
    nonce: info.nonce ? Buffer.from(info.nonce.valueBlock.valueHexView) : null,
  };
}

interface Opened {
  readonly signed: SignedData;
  readonly signer: SignerInfo;
  readonly info: TSTInfo;
}

function open(token: Buffer): Opened {
  try {
    const bytes = new Uint8Array(token);
    const { offset, result } = fromBER(bytes);
    if (offset !== bytes.length) throw new Error('trailing bytes');
    const content = new ContentInfo({ schema: result });
    const signed = new SignedData({ schema: content.content as unknown });
    const [signer, ...more] = signed.signerInfos;
    const { eContent, eContentType } = signed.encapContentInfo;
    const isStamp = content.contentType === SIGNED_DATA && eContentType === TST_INFO && eContent !== undefined;
    if (!isStamp || !signer || more.length > 0) throw new Error('no TSTInfo with one signature');
    return { signed, signer, info: TSTInfo.fromBER(eContent.getValue()) };
  } catch (error) {
    throw new Malformed('time-stamp', 'it is no time-stamp token', { cause: error });
  }
}

// What the library leaves open: one attribute of each kind, the type of what is signed, and a digest that still holds.
function checkAttributes(signer: SignerInfo): void {
  const attributes = signer.signedAttrs?.attributes ?? [];
  const types = attributes.map(({ type }) => type);
  const [contentType] = valuesOf(attributes, CONTENT_TYPE);
  const isSound =
    new Set(types).size === types.length &&
    contentType instanceof ObjectIdentifier &&
    contentType.valueBlock.toString() === TST_INFO &&
    signer.digestAlgorithm.algorithmId in DIGESTS;
  if (!isSound) throw new Malformed('time-stamp', 'what it signs is not a time stamp, or by an outdated digest');
}

async function verifySignature(signed: SignedData, note: string, roots: readonly TrustedRoot[]): Promise<Certificate> {
  try {
    const { signatureVerified, signerCertificate } = await signed.verify({
      signer: 0,
      data: new Uint8Array(Buffer.from(note)).buffer,
      trustedCerts: [...roots],
      checkChain: true,
      extendedMode: true,
    });
    if (signatureVerified !== true || !signerCertificate) throw new Error('signature');
    return signerCertificate;
  } catch (error) {
    const isChain = error instanceof Error && 'code' in error && error.code === 5;
    const why = isChain ? 'its certificate does not lead to ANCHOR_TRUST' : 'its signature is wrong';
    throw new Malformed('time-stamp', why, { cause: error });
  }
}

// RFC 3161 2.3: critical, and for nothing else.
function checkUse(certificate: Certificate): void {
  const uses = certificate.extensions?.filter(({ extnID }) => extnID === EXTENDED_KEY_USAGE) ?? [];
  const [use] = uses;
  const purposes: unknown = use?.parsedValue;
  const isAlone =
    purposes instanceof ExtKeyUsage && purposes.keyPurposes.length === 1 && purposes.keyPurposes[0] === TIME_STAMPING;
  if (uses.length !== 1 || use?.critical !== true || !isAlone) {
    throw new Malformed('time-stamp', 'its certificate is not for time stamps alone');
  }
}

// Else another certificate for the same key would do. RFC 3161 2.4.2, RFC 5816.
function checkSigningCertificate(signer: SignerInfo, certificate: Buffer): void {
  const attributes = signer.signedAttrs?.attributes ?? [];
  const [v2] = valuesOf(attributes, SIGNING_CERTIFICATE_V2);
  const [v1] = valuesOf(attributes, SIGNING_CERTIFICATE);
  const named = firstHash(v2 ?? v1, v2 ? 'sha256' : 'sha1');
  if (named === null || !named.value.equals(hash(named.digest, certificate, 'buffer'))) {
    throw new Malformed('time-stamp', 'it does not name the certificate that it is signed with');
  }
}

// SigningCertificate: a sequence of sequences of certificate ids, each with the hash behind its algorithm, if it has one.
function firstHash(attribute: BaseBlock | undefined, fallback: string): { digest: string; value: Buffer } | null {
  const [ids] = childrenOf(attribute);
  const [id] = childrenOf(ids);
  const parts = childrenOf(id);
  const value = parts.find((part) => part instanceof OctetString);
  const [algorithm] = childrenOf(parts[0]);
  const digest = algorithm instanceof ObjectIdentifier ? DIGESTS[algorithm.valueBlock.toString()] : fallback;
  return value && digest !== undefined ? { digest, value: Buffer.from(value.getValue()) } : null;
}

function childrenOf(block: BaseBlock | undefined): BaseBlock[] {
  return block instanceof Sequence ? block.valueBlock.value : [];
}

function valuesOf(attributes: readonly Attribute[], type: string): BaseBlock[] {
  return (attributes.find((attribute) => attribute.type === type)?.values ?? []) as BaseBlock[];
}
