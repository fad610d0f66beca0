import type { Keyring } from '../keys/keyring.js';
import { makePictureToken, type PictureRef } from './picture-token.js';
import { makeLink, makeReplyToken } from './token.js';

export const CONFIRM_DAYS = 7;
export const MAGIC_MINUTES = 30;
export const RECEIPT_MINUTES = 30;

/** What a link is made with: the keys, and the organisation's link address (no trailing slash). */
export interface LinkMaker {
  readonly keyring: Keyring;
  readonly publicUrl: string;
}

/** Confirmation page; the secret exists only in the mail (T1). */
export function confirmUrl(maker: LinkMaker, ref: Buffer, secret: Buffer, expiresAt: Date): string {
  return `${maker.publicUrl}/c/${makeLink(maker.keyring, hostOf(maker.publicUrl), { purpose: 'c', ref, secret, expiresAt })}`;
}

/** Where an answer that confirms goes to; the secret exists only in the mail, and is not that of its link (T1). Apart from bounces (T14). */
export function replyAddress({ keyring }: Pick<LinkMaker, 'keyring'>, domain: string, secret: Buffer): string {
  return `y+${makeReplyToken(keyring, secret)}@${domain}`;
}

/** "This was not me"; ends with the request that it belongs to. */
export function notMeUrl(maker: LinkMaker, ref: Buffer, expiresAt: Date): string {
  return `${maker.publicUrl}/n/${makeLink(maker.keyring, hostOf(maker.publicUrl), { purpose: 'n', ref, secret: null, expiresAt })}`;
}

/** Unsubscribe page and one-click address of one subscriber and list; never expires (L-05). */
export function unsubscribeUrl(maker: LinkMaker, ref: Buffer): string {
  return `${maker.publicUrl}/u/${makeLink(maker.keyring, hostOf(maker.publicUrl), { purpose: 'u', ref, secret: null, expiresAt: null })}`;
}

/** Preference page of one subscriber and list; reduces only; never expires (L-08). */
export function preferencesUrl(maker: LinkMaker, ref: Buffer): string {
  return `${maker.publicUrl}/p/${makeLink(maker.keyring, hostOf(maker.publicUrl), { purpose: 'p', ref, secret: null, expiresAt: null })}`;
}

/** All settings of a person; single use, mailed only (T9). */
export function magicUrl(maker: LinkMaker, ref: Buffer, secret: Buffer, expiresAt: Date): string {
  return `${maker.publicUrl}/m/${makeLink(maker.keyring, hostOf(maker.publicUrl), { purpose: 'm', ref, secret, expiresAt })}`;
}

/** A receipt; minted only in the answer to a confirming POST or inside a magic session (T9). */
export function receiptUrl(maker: LinkMaker, ref: Buffer, expiresAt: Date): string {
  return `${maker.publicUrl}/receipts/${makeLink(maker.keyring, hostOf(maker.publicUrl), { purpose: 'r', ref, secret: null, expiresAt })}`;
}

/** A campaign as a page, the same for everybody; `ref` names the campaign and no person; never expires. */
export function webVersionUrl(maker: LinkMaker, ref: Buffer, language: string): string {
  return `${maker.publicUrl}/w/${makeLink(maker.keyring, hostOf(maker.publicUrl), { purpose: 'w', ref, secret: null, expiresAt: null })}?lang=${language}`;
}

/** A picture of a campaign, the same for everybody; never expires. */
export function pictureUrl(maker: LinkMaker, picture: PictureRef): string {
  return `${maker.publicUrl}/i/${makePictureToken(maker.keyring, hostOf(maker.publicUrl), picture)}`;
}

/** The audience of links below an address: its host, with the port where it is not the usual one. */
export function hostOf(publicUrl: string): string {
  return new URL(publicUrl).host;
}
