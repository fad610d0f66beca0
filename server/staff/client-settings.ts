/** What a program needs to hand mail in at the gateway. */
export interface ClientAccess {
  readonly host: string;
  readonly port: number;
  /** `none`: on loopback, for trying out. */
  readonly security: 'starttls' | 'tls' | 'none';
  readonly user: string;
  /** As the program shall read it, or what stands in its place. */
  readonly password: string;
  readonly from: string;
  /** The list's slug for a mail that would name none by itself; null: transactional, or the credential knows. */
  readonly list: string | null;
}

/** Settings of one program, to be copied; `name` is a key below admin.client. */
export interface ClientSettings {
  readonly name: 'vtiger' | 'wordpress' | 'woocommerce' | 'nodemailer' | 'postfix';
  readonly text: string;
}

/** Ready settings for the programs that are met most often. */
export function clientSettings(access: ClientAccess): ClientSettings[] {
  return [
    { name: 'vtiger', text: vtiger(access) },
    { name: 'wordpress', text: wordpress(access) },
    { name: 'woocommerce', text: woocommerce(access) },
    { name: 'nodemailer', text: nodemailer(access) },
    { name: 'postfix', text: postfix(access) },
  ];
}

function vtiger({ host, port, security, user, password, from }: ClientAccess): string {
  const scheme = { starttls: 'tls://', tls: 'ssl://', none: '' }[security];
  return lines([
    `Server Name: ${scheme}${host}:${port}`,
    `User Name: ${user}`,
    `Password: ${password}`,
    `From Email: ${from}`,
    'Requires Authentication: yes',
  ]);
}

function wordpress({ host, port, security, user, password, from }: ClientAccess): string {
  const ssl = { starttls: 'tls', tls: 'ssl', none: '' }[security];
  return lines([
    "define( 'WPMS_ON', true );",
    `define( 'WPMS_MAIL_FROM', ${php(from)} );`,
    "define( 'WPMS_MAIL_FROM_FORCE', true );",
    "define( 'WPMS_MAILER', 'smtp' );",
    `define( 'WPMS_SMTP_HOST', ${php(host)} );`,
    `define( 'WPMS_SMTP_PORT', ${port} );`,
    `define( 'WPMS_SSL', ${php(ssl)} );`,
    `define( 'WPMS_SMTP_AUTOTLS', ${security === 'none' ? 'false' : 'true'} );`,
    "define( 'WPMS_SMTP_AUTH', true );",
    `define( 'WPMS_SMTP_USER', ${php(user)} );`,
    `define( 'WPMS_SMTP_PASS', ${php(password)} );`,
  ]);
}

function woocommerce({ from, list }: ClientAccess): string {
  const sender = `"From" address: ${from}`;
  if (list === null) return sender;
  return lines([
    sender,
    '',
    "// in the theme's functions.php",
    "add_filter( 'woocommerce_email_headers', function ( $headers ) {",
    `    return $headers . "X-Zgoda-List: ${list}\\r\\n";`,
    '} );',
  ]);
}

function nodemailer({ host, port, security, user, password, from, list }: ClientAccess): string {
  const secure = { starttls: 'secure: false, requireTLS: true', tls: 'secure: true', none: 'secure: false' }[security];
  const headers = list === null ? '' : `, headers: { 'X-Zgoda-List': ${js(list)} }`;
  return lines([
    'const transport = nodemailer.createTransport({',
    `  host: ${js(host)}, port: ${port}, ${secure},`,
    `  auth: { user: ${js(user)}, pass: ${js(password)} },`,
    '});',
    `await transport.sendMail({ from: ${js(from)}, to, subject, html, text${headers} });`,
  ]);
}

function postfix({ host, port, security, user, password }: ClientAccess): string {
  const level = security === 'none' ? 'may' : 'encrypt';
  return lines([
    '# /etc/postfix/main.cf',
    `relayhost = [${host}]:${port}`,
    'smtp_sasl_auth_enable = yes',
    'smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd',
    'smtp_sasl_security_options = noanonymous',
    `smtp_tls_security_level = ${level}`,
    ...(security === 'tls' ? ['smtp_tls_wrappermode = yes'] : []),
    '',
    '# /etc/postfix/sasl_passwd',
    `[${host}]:${port} ${user}:${password}`,
    '',
    '# then',
    'chmod 600 /etc/postfix/sasl_passwd && postmap /etc/postfix/sasl_passwd && systemctl reload postfix',
  ]);
}

function lines(all: readonly string[]): string {
  return all.join('\n');
}

function php(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

function js(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
