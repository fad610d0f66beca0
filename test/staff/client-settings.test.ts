import { expect } from 'chai';
import { clientSettings, type ClientAccess } from '../../server/staff/client-settings.js';

const ACCESS: ClientAccess = {
  ...{ host: 'mail.example.org', port: 587, security: 'starttls', user: 'zg-1', password: "it's \\ secret" },
  ...{ from: 'news@example.org', list: 'news' },
};

describe('settings for other programs', () => {
  it('ask for encryption in the words of each program', () => {
    const texts = (security: ClientAccess['security']): string =>
      clientSettings({ ...ACCESS, security })
        .map(({ text }) => text)
        .join('\n');

    expect(texts('starttls'))
      .to.contain('Server Name: tls://mail.example.org:587')
      .and.contain("define( 'WPMS_SSL', 'tls' );")
      .and.contain('secure: false, requireTLS: true')
      .and.contain('smtp_tls_security_level = encrypt');
    expect(texts('tls'))
      .to.contain('Server Name: ssl://mail.example.org:587')
      .and.contain("define( 'WPMS_SSL', 'ssl' );")
      .and.contain('secure: true,')
      .and.contain('smtp_tls_wrappermode = yes');
    expect(texts('none')).to.contain('Server Name: mail.example.org:587').and.not.contain('encrypt');
  });

  it('quote what stands in code as the language does', () => {
    const [, wordpress, , nodemailer] = clientSettings(ACCESS);

    expect(wordpress?.text).to.contain("define( 'WPMS_SMTP_PASS', 'it\\'s \\\\ secret' );");
    const pass = /pass: ('(?:[^'\\]|\\.)*')/.exec(nodemailer?.text ?? '')?.[1] ?? '';
    expect(pass.slice(1, -1).replace(/\\(.)/g, '$1')).to.equal(ACCESS.password);
  });

  it('name the list where the credential does not', () => {
    const withList = clientSettings(ACCESS).filter(({ text }) => text.includes('X-Zgoda-List'));
    const without = clientSettings({ ...ACCESS, list: null }).filter(({ text }) => text.includes('X-Zgoda-List'));

    expect(withList.map(({ name }) => name)).to.deep.equal(['woocommerce', 'nodemailer']);
    expect(without).to.deep.equal([]);
  });
});
