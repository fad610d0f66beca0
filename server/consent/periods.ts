/** For so long after its last use the proof of a consent is kept, in years: claims become barred three years after the end of the year (C-20). */
export const PROOF_YEARS = 3;
/** After this an unconfirmed sign-up holds no personal data, in days (C-07). */
export const PURGE_DAYS = 14;
