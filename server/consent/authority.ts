/** A supervisory authority to complain to (GDPR Art. 77). */
export interface Authority {
  readonly name: string;
  readonly href: string;
}

/** By jurisdiction: those of the languages that we speak, and the Union's list for all others. */
const AUTHORITIES: Readonly<Record<string, Authority>> = {
  PL: { name: 'Prezes Urzędu Ochrony Danych Osobowych (UODO)', href: 'https://uodo.gov.pl/' },
  IE: { name: 'Data Protection Commission', href: 'https://www.dataprotection.ie/' },
  GB: { name: "Information Commissioner's Office", href: 'https://ico.org.uk/' },
};
const ANY: Authority = {
  name: 'European Data Protection Board: members',
  href: 'https://www.edpb.europa.eu/about-edpb/about-edpb/members_en',
};

/** The authority of a jurisdiction (ISO 3166-1 alpha-2). */
export function authorityOf(jurisdiction: string): Authority {
  return AUTHORITIES[jurisdiction] ?? ANY;
}
