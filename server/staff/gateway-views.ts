import type { GatewayPolicy } from '../../entities/gateway.js';
import type { MaskedAddress, PageBase } from '../web/pages.js';
import type { ClientSettings } from './client-settings.js';
import type { StaffScreen } from './views.js';

/** What came in, and what became of each recipient; the partial `admin-tail` shows it, and it moves by itself. */
export interface TailPart extends Pick<PageBase, 'language' | 'zone'> {
  readonly mails: readonly TailMail[];
}

export interface TailMail {
  readonly at: Date;
  /** What staff call the credential, or its user. */
  readonly from: string;
  readonly list: string | null;
  /** A key below admin.tail: what it is without a list. */
  readonly kind: 'transactional' | 'report' | 'noList';
  /** null: its bytes are gone. */
  readonly subject: string | null;
  readonly bytes: number;
  /** Bytes of its HTML as it left, where Gmail may hide its end; null: it is short. */
  readonly longHtml: number | null;
  /** What the sending program was told, in English; null: it was taken. */
  readonly refusal: string | null;
  /** Names are keys below admin.count. */
  readonly counts: readonly { readonly name: string; readonly count: number }[];
  readonly people: readonly TailPerson[];
  /** Recipients beyond those shown. */
  readonly more: number;
}

export interface TailPerson {
  /** null: erased. */
  readonly to: MaskedAddress | null;
  /** A key below admin.count. */
  readonly state: string;
  /** A key below admin.reason; null: nothing to say. */
  readonly reason: string | null;
  /** What the next server said, where there is trouble. */
  readonly reply: string | null;
  /** Their page, where each look is written down; null: they are not known. */
  readonly href: string | null;
}

/** GET /admin/gateway. */
export interface GatewayScreen extends StaffScreen {
  readonly tail: TailPart;
  readonly eventsHref: string;
  readonly reloadHref: string;
  readonly olderHref: string | null;
  /** Older mails are shown: they do not move. */
  readonly isOlder: boolean;
  /** Empty where there is only one. */
  readonly organisations: readonly { readonly name: string; readonly href: string; readonly isChosen: boolean }[];
  readonly credentials: number;
}

export interface CredentialRow {
  readonly href: string;
  readonly user: string;
  readonly name: string;
  readonly organisation: string;
  readonly lists: readonly string[];
  readonly isTransactional: boolean;
  readonly cap: number | null;
  /** A key below admin.credential.policy. */
  readonly policy: GatewayPolicy;
  /** A key below admin.credential.state. */
  readonly state: 'used' | 'unused' | 'revoked';
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

/** GET /admin/gateway/credentials. */
export interface CredentialsScreen extends StaffScreen {
  readonly count: number;
  readonly credentials: readonly CredentialRow[];
}

export type CredentialField = 'name' | 'lists' | 'cap' | 'default';

/** GET and POST /admin/gateway/credentials/new. */
export interface NewCredentialScreen extends StaffScreen {
  readonly lists: readonly {
    readonly slug: string;
    readonly name: string;
    readonly isTicked: boolean;
    readonly isDefault: boolean;
  }[];
  readonly hasSeveral: boolean;
  /** Empty where there is only one. */
  readonly organisations: readonly { readonly slug: string; readonly name: string; readonly isChosen: boolean }[];
  readonly mayTransactional: boolean;
  readonly isTransactional: boolean;
  readonly isSkip: boolean;
  readonly name: string;
  readonly cap: string;
  /** Each with a key below admin.credential.wrong. */
  readonly errors: readonly { readonly field: CredentialField; readonly what: string }[];
  readonly wrong: Readonly<Record<CredentialField, string>>;
}

/** When a credential was made or revoked, and by whom. */
export interface CredentialAct {
  readonly at: Date;
  /** A key below admin.credential.by; null: `address` says it. */
  readonly by: 'operator' | 'gone' | null;
  readonly address: string;
}

/** GET /admin/gateway/credentials/:user, and the answer to the making of one. */
export interface CredentialScreen extends StaffScreen {
  readonly credential: CredentialRow;
  readonly defaultList: string | null;
  readonly made: CredentialAct;
  /** null: it is in force. */
  readonly revoked: CredentialAct | null;
  /** Once, right after it was made. */
  readonly password: string | null;
  readonly host: string;
  readonly port: number;
  /** A key below admin.security. */
  readonly security: string;
  readonly settings: readonly ClientSettings[];
  /** null: this login may not, or it is revoked. */
  readonly revokeHref: string | null;
  readonly wasRevoked: boolean;
}

/** GET /admin/gateway/credentials/:user/revoke: asks once. */
export interface RevokeScreen extends StaffScreen {
  readonly credential: CredentialRow;
}

declare module '../web/pages.js' {
  interface Pages {
    'admin/gateway': GatewayScreen;
    'admin/credentials': CredentialsScreen;
    'admin/credential-new': NewCredentialScreen;
    'admin/credential': CredentialScreen;
    'admin/credential-revoke': RevokeScreen;
  }
}
