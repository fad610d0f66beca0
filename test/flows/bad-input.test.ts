import { expect } from 'chai';
import { setup } from '../../server/consent/setup.js';
import { addStaff } from '../../server/staff/add-staff.js';
import { DEMO } from '../../server/tour/demo.js';
import { openPlaces, routePatterns, sendRaw, type Place, type Places } from '../support/places.js';
import { checkLedger, startTestService, type TestService } from '../support/service.js';
import { changesNothing, stateOf } from '../support/state.js';
import { linkIn, signUp } from '../support/story.js';
import { boxOf, formOf, get, headingOf, type Page } from '../support/web.js';
import {
  BAD_ADDRESSES,
  BROKEN,
  INTERNATIONAL,
  JSON_TYPE,
  LINE_ENDINGS,
  MANY,
  MULTIPART,
  NAMED,
  RAW,
  STRANGE_COOKIES,
  STRANGE_NAMES,
  STRANGE_QUERIES,
  TEN_MB,
  URLENCODED,
  file,
  part,
} from '../support/strange.js';

interface Sent {
  readonly method?: string;
  readonly type?: string | null;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Got {
  readonly where: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

describe('bad input', function () {
  this.timeout(120_000);
  let service: TestService;
  let places: Places;
  let log = '';

  before(async () => {
    const write = (line: string): void => {
      log += line;
    };
    service = await startTestService({ settings: { LOG_LEVEL: 'trace' }, log: { write } });
    places = await openPlaces(service);
  });
  after(async () => {
    await checkLedger(service.ctx);
    await service.stop();
  });

  const send = async (path: string, sent: Sent = {}): Promise<Got> => {
    const { method = 'GET', type = null, body, headers = {} } = sent;
    const answer = await fetch(`${service.base}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        cookie: places.cookie,
        ...(type === null ? {} : { 'content-type': type }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
    });
    const where = `${method} ${path.slice(0, 80)}`;
    return { where, status: answer.status, headers: answer.headers, text: await answer.text() };
  };

  const forms = (...kinds: Place['reads'][]): Place[] =>
    Object.values(places.all).filter(({ reads }) => kinds.includes(reads));

  it('is tried on every route that there is', () => {
    expect(Object.keys(places.all)).to.have.members(routePatterns());
  });

  it('finds every route where it was looked for', async () => {
    for (const place of Object.values(places.all).filter(({ gets }) => gets)) {
      // Of the log they show what it has not got yet.
      if (['/log/tile/*path', '/log/checkpoint', '/log/config/:hash'].some((one) => place === places.all[one]))
        continue;
      const { status } = await send(place.path);
      expect([200, 410], place.path).to.include(status);
    }
  });

  describe('as a body', () => {
    for (const [name, type, body, status, encoding] of BROKEN) {
      it(`is refused everywhere and changes nothing: ${name}`, async () => {
        const headers: Record<string, string> = encoding === undefined ? {} : { 'content-encoding': encoding };

        await changesNothing(service.ctx, async () => {
          for (const { path } of forms('form')) {
            const page = await send(path, { method: 'POST', type, body, headers });
            expect(page.status, page.where).to.equal(status);
            expectPage(page);
            const problem = await send(path, {
              method: 'POST',
              type,
              body,
              headers: { ...headers, accept: 'application/json' },
            });
            expect(problem.status, problem.where).to.equal(status);
            expectProblem(problem);
          }
        });
      });
    }

    it('gets a problem document when it was JSON and nobody asked for a page', async () => {
      for (const { path } of forms('form')) {
        const problem = await send(path, { method: 'POST', type: JSON_TYPE, body: '{', headers: { accept: '*/*' } });

        expect(problem.status, problem.where).to.equal(400);
        expectProblem(problem);
      }
    });

    it('stops no upload from being refused with a page', async () => {
      const types: readonly (readonly [string, string])[] = [
        [MULTIPART, part('csrf', 'a').slice(0, -12)],
        ['multipart/form-data', part('csrf', 'a')],
        ['multipart/mixed; boundary=x', part('csrf', 'a')],
        [MULTIPART, part('other"; filename="a.html', '<p>Hello</p>')],
        [MULTIPART, part('file"; filename="a.html', TEN_MB)],
        [MULTIPART, MANY.map((name) => part(name, '1').replace('--x--\r\n', '')).join('') + '--x--\r\n'],
        [URLENCODED, 'file=a'],
        ['text/html', '<p>Hello</p>'],
      ];

      await changesNothing(service.ctx, async () => {
        for (const [type, body] of types) expectPage(await send('/admin/upload', { method: 'POST', type, body }));
      });
    });

    it('of whatever kind never keeps anybody from leaving by one click, unless it is too large to be read', async () => {
      const { path } = place('/u/:token');
      const large = await send(path, { method: 'POST', type: URLENCODED, body: TEN_MB });
      expect(large.status).to.equal(413);
      expectPage(large);
      expect(await stateOf(service.ctx, 'ada@gmail.com')).to.equal('confirmed');
    });
  });

  describe('in a field', () => {
    it('is refused when it is a control character, in every field of every form, whichever way it is sent', async () => {
      const names = [
        'email',
        'consent',
        'ticket',
        'website',
        'nonce',
        'undo',
        'choice',
        'until',
        'csrf',
        'password',
        'next',
      ];
      await changesNothing(service.ctx, async () => {
        for (const { path } of forms('form')) {
          for (const name of names) {
            const text = `ada\0@gmail.com`;
            for (const [type, body] of [
              [URLENCODED, `${name}=${encodeURIComponent(text)}`],
              [MULTIPART, part(name, text)],
              [JSON_TYPE, JSON.stringify({ [name]: text })],
            ] as const) {
              const page = await send(path, { method: 'POST', type, body });
              expect(page.status, `${page.where} ${name}`).to.equal(400);
              expectPage(page);
            }
          }
        }
      });
    });

    it('counts as absent when it came twice, as a list or as an object', async () => {
      const { email, consent } = await asFields();
      const at = encodeURIComponent(email);
      const bodies: readonly (readonly [string, string])[] = [
        [URLENCODED, `email=${at}&consent[]=${consent}`],
        [URLENCODED, `email=${at}&consent[a][b]=${consent}`],
        [URLENCODED, `email=${at}&consent=${consent}&consent=${consent}`],
        [URLENCODED, `email=${at}&email=${at}&consent=${consent}`],
        [URLENCODED, `email[]=${at}&consent=${consent}`],
        [URLENCODED, `__proto__[email]=${at}&__proto__[consent]=${consent}`],
        [URLENCODED, `__proto__=1&constructor=1&hasOwnProperty=1&toString=1`],
        [MULTIPART, [part('email', email), part('consent[]', consent)].join('').replace('--x--\r\n', '')],
        [MULTIPART, part('__proto__[email]', email)],
        [JSON_TYPE, JSON.stringify({ email: [email], consent })],
        [JSON_TYPE, JSON.stringify({ email: { toString: email }, consent })],
        [JSON_TYPE, `{"__proto__":{"email":${JSON.stringify(email)},"consent":"${consent}"}}`],
        [JSON_TYPE, JSON.stringify({ email, consent: [consent] })],
        [JSON_TYPE, JSON.stringify({ email, consent: null })],
      ];

      await changesNothing(service.ctx, async () => {
        for (const [type, body] of bodies) {
          for (const path of ['/lists/news', '/forms/demo', '/preferences']) {
            if (path === '/preferences' && !/email(\[|"?:[[{]|=.*email=)|__proto__/.test(body)) continue;
            const page = await send(path, { method: 'POST', type, body });
            expect(page.status, `${page.where} ${body}`).to.equal(422);
            expectPage(page);
          }
        }
      });
    });

    it('is refused as an address that cannot be one, on every form that asks for one', async () => {
      const { consent } = await asFields();
      await changesNothing(service.ctx, async () => {
        for (const email of BAD_ADDRESSES) {
          for (const path of ['/lists/news', '/forms/demo', '/preferences', '/admin/login']) {
            const body = new URLSearchParams({ email, consent, password: 'a long password' }).toString();
            const page = await send(path, { method: 'POST', type: URLENCODED, body });
            expect([400, 401, 422], `${page.where} ${JSON.stringify(email)}`).to.include(page.status);
            expectPage(page);
          }
        }
      });
    });
  });

  describe('in a line of a mail or a header', () => {
    it('is refused in the subject of a campaign, and harmless in the name of its file', async () => {
      for (const ending of LINE_ENDINGS) {
        const { fields } = formOf(await page('/admin/upload'), 'upload');
        const body = (subject: string, name: string): string =>
          [part('csrf', fields['csrf'] ?? ''), part('list', 'news'), part('subject', subject), file(name)].join('');

        await changesNothing(service.ctx, async () => {
          const refused = await upload(body(`June${ending}Bcc: eve@gmail.com`, 'june.html'));
          expect(refused.status, JSON.stringify(ending)).to.be.within(400, 422);
          expectPage(refused);
        });
        // As a browser writes line breaks in the name of a file.
        const name = `june${ending}Bcc: eve@gmail.com.html`.replaceAll('\r', '%0D').replaceAll('\n', '%0A');
        const taken = await upload(body('June', name));
        expect(taken.status, JSON.stringify(ending)).to.equal(303);
        const id = taken.headers.get('location')?.split('/').at(-1);
        const [row] = await service.ctx.db.query<{ name: string }>(
          'select file_name as name from campaign where id = $1',
          [id],
        );
        expect(row?.name).to.match(/^june *Bcc: eve@gmail\.com\.html$/);
      }
    });

    it('is refused in the address and the role of staff', async () => {
      await changesNothing(service.ctx, async () => {
        for (const ending of LINE_ENDINGS) {
          for (const staff of [
            { email: `eve@gmail.com${ending}Bcc: ada@gmail.com`, role: 'owner' },
            { email: 'eve@gmail.com', role: `owner${ending}` },
          ])
            expect(await codeOf(addStaff(service.ctx, staff))).to.be.oneOf(['address-invalid', 'body-invalid']);
        }
      });
    });

    it('is refused in everything that an organisation and its lists are called, with the place that it stands in', async () => {
      const set = (change: (one: typeof DEMO, bad: string) => void, bad: string): unknown => {
        const one = structuredClone(DEMO);
        change(one, bad);
        return one;
      };
      await changesNothing(service.ctx, async () => {
        for (const ending of LINE_ENDINGS) {
          for (const [where, change] of NAMED) {
            const error = await thrownBy(setup(service.ctx, set(change, `Books${ending}Bcc: eve@gmail.com`)));
            expect(error, `${where} ${JSON.stringify(ending)}`).to.include({ code: 'body-invalid' });
            expect(String(error)).to.contain(where);
          }
        }
      });
    });

    it('adds no header to an answer, as a language, a path or a way back', async () => {
      for (const ending of ['%0d%0a', '%0a', '%0d', '%E2%80%A8', '%00']) {
        const places = ['/lists/news?lang=en', '/preferences?lang=pl', '/?lang=pl', '/admin?lang=pl', '/lists/'];
        for (const at of [...places, '/admin/login?next=/admin', '/admin/campaigns/']) {
          const got = await send(`${at}${ending}X-Evil:1${ending}Set-Cookie:a=b`);
          expect(got.headers.get('x-evil'), got.where).to.equal(null);
          expect(got.headers.get('set-cookie'), got.where).to.equal(null);
          expect(got.status, got.where).to.be.oneOf([200, 400, 404]);
        }
      }
    });

    it('is no longer than a host can be when it says where a form stood', async () => {
      const { consent } = await asFields();
      const body = new URLSearchParams({ email: 'emil@gmail.com', consent }).toString();
      const origin = `https://${'free-books.'.repeat(300)}example`;

      const taken = await send('/forms/demo', { method: 'POST', type: URLENCODED, body, headers: { origin } });

      expect(taken.status).to.equal(200);
      const mail = await service.mailTo('emil@gmail.com');
      expect(mail.parsed.text).to.contain('localhost').and.not.to.contain('free-books');
    });
  });

  describe('of other alphabets', () => {
    it('is an address like any other, its domain shown as it was typed and mailed as the network knows it', async () => {
      for (const [given, shown, to, masked] of INTERNATIONAL) {
        const page = await signUp(service, given);
        expect([page.status, headingOf(page)], given).to.deep.equal([200, 'One more step: your mailbox']);
        expect(page.text).to.contain(given);

        const mail = await service.mailTo(shown);
        expect(mail.raw.toString()).to.match(new RegExp(`^To: ${to}\r$`, 'm'));
        expect((await get(linkIn(mail, 'c'))).text, given).to.contain(masked);
      }
    });
  });

  describe('as an address of a page', () => {
    it('gets 404, or 400 when it cannot be read, wherever a name or a token belongs', async () => {
      const patterns = Object.entries(places.all).filter(([pattern]) => /[:*]/.test(pattern));
      await changesNothing(service.ctx, async () => {
        for (const [pattern, { gets }] of patterns) {
          for (const name of STRANGE_NAMES) {
            const got = await send(
              pattern.replace(/[:*]\w+/, () => name),
              gets ? {} : { method: 'POST' },
            );
            // Once there is an owner, every link of the first run is over; forms of a session say first that they are not ours.
            expect(got.status, got.where).to.be.oneOf([
              400,
              404,
              ...(pattern.includes('first-run') ? [410] : gets ? [] : [403]),
            ]);
            expectPage(got);
          }
        }
      });
    });

    it('shows the same page, whatever stands behind the question mark', async () => {
      for (const { path } of Object.values(places.all).filter(({ gets }) => gets)) {
        const { status } = await send(path);
        // There it is the filter that is asked for.
        for (const query of STRANGE_QUERIES)
          expect(
            (await send(`${path}${path.includes('?') ? '&' : '?'}${query}`)).status,
            `${path} ${query.slice(0, 40)}`,
          ).to.be.oneOf(path.endsWith('/audience') ? [status, 422] : [status]);
      }
    });

    it('is refused with what is allowed, or not found, when it is met with another method', async () => {
      await changesNothing(service.ctx, async () => {
        for (const { path, gets, reads } of Object.values(places.all)) {
          const methods = [
            'PUT',
            'PATCH',
            'DELETE',
            'PROPFIND',
            ...(gets ? [] : ['GET', 'HEAD']),
            ...(reads ? [] : ['POST']),
          ];
          for (const method of methods) {
            const got = await send(path, { method });
            expect(got.status, got.where).to.be.oneOf([404, 405]);
            if (got.status === 405)
              expect(got.headers.get('allow'), got.where)
                .to.match(/^[A-Z]+(, [A-Z]+)*$/)
                .and.not.contain(method === 'GET' ? 'GET' : `${method},`);
          }
          const options = await send(path, { method: 'OPTIONS' });
          expect(options.status, options.where).to.be.oneOf([200, 204, 405]);
          if (options.status !== 204)
            expect(options.headers.get('allow'), options.where).to.contain(gets ? 'GET' : 'POST');
        }
      });
    });

    it('answers HEAD as GET, without the page', async () => {
      const looked = 'access_log';
      const both = async (): Promise<void> => {
        for (const { path } of Object.values(places.all).filter(({ gets }) => gets)) {
          const [head, whole] = [await send(path, { method: 'HEAD' }), await send(path)];
          expect([head.status, head.text], head.where).to.deep.equal([whole.status, '']);
          expect(head.headers.get('content-type'), head.where).to.equal(whole.headers.get('content-type'));
        }
      };

      // Looks of staff at a person are written down.
      await changesNothing(service.ctx, both, [looked]);
    });
  });

  describe('as a cookie', () => {
    it('counts as none when nobody set it', async () => {
      for (const cookie of STRANGE_COOKIES) {
        for (const path of ['/', '/lists/news', '/settings', '/admin', '/admin/login', place('/c/:token').path]) {
          const got = await send(path, { headers: { cookie } });
          expect(got.status, `${got.where} ${cookie.slice(0, 30)}`).to.equal(
            { '/settings': 401, '/admin': 303 }[path] ?? 200,
          );
        }
      }
    });
  });

  describe('beyond HTTP', () => {
    for (const [name, status, request] of RAW) {
      it(`gets ${status} and a closed line: ${name}`, async () => {
        await changesNothing(service.ctx, async () => {
          const answer = await sendRaw(service.base, typeof request === 'string' ? request : request(places));

          expect(answer).to.match(new RegExp(`^HTTP/1\\.1 ${status} `));
          // Two are Node's own answers, before anybody is asked.
          if (status === 431 || (status === 400 && name !== 'no host'))
            expect(answer).to.contain('Nothing was changed');
          expect(answer).not.to.match(/(\/\/|\\|@)evil\.example/);
        });
        expect((await get(`${service.base}/healthz`)).status).to.equal(200);
      });
    }

    it('changes nothing when the line breaks in the middle of a form', async () => {
      const headers = `Host: localhost\r\nCookie: ${places.cookie}\r\nContent-Length: 500\r\n`;
      await changesNothing(service.ctx, async () => {
        for (const { path } of forms('form', 'upload', 'anything').filter(
          (one) => one.path !== '/mailbox/clear' && one.path !== '/admin/logout',
        )) {
          for (const [type, body] of [
            [URLENCODED, 'email=chen@gmail.com'],
            [MULTIPART, part('email', 'chen@gmail.com').slice(0, -6)],
            [JSON_TYPE, '{"email":"chen@g'],
          ] as const)
            await sendRaw(
              service.base,
              `POST ${path} HTTP/1.1\r\n${headers}Content-Type: ${type}\r\n\r\n${body}`,
              true,
            );
        }
      });
    });
  });

  // In a suite of its own, so that it comes last.
  describe('after all that', () => {
    it('leaves no error, no address and no token in the log', () => {
      const lines = log
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { level: number; msg: string });

      expect(lines.map(({ msg }) => msg)).to.include('started');
      expect(lines.filter(({ level }) => level >= 40)).to.deep.equal([]);
      for (const secret of places.secrets) expect(log).to.not.contain(secret);
    });
  });

  async function page(path: string): Promise<Page> {
    return get(`${service.base}${path}`, { cookie: places.cookie });
  }

  async function upload(body: string): Promise<Got> {
    return send('/admin/upload', { method: 'POST', type: MULTIPART, body: body.replace(/--x--\r\n(?!$)/g, '') });
  }

  async function asFields(): Promise<{ email: string; consent: string }> {
    const page = await get(`${service.base}/lists/news`);
    expect(formOf(page, 'subscribe').action).to.contain('/lists/news');
    return { email: 'chen@gmail.com', consent: boxOf(page) };
  }

  function place(pattern: string): Place {
    const found = places.all[pattern];
    if (!found) throw new Error(`no such place: ${pattern}`);
    return found;
  }
});

async function thrownBy(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return ((await thrownBy(work)) as { code?: unknown } | null)?.code;
}

function expectPage(got: Got): void {
  expectSafe(got);
  expect(got.headers.get('content-type'), got.where).to.equal('text/html; charset=utf-8');
  expect(got.text, got.where)
    .to.match(/<html lang="en"/)
    .and.to.match(/<h1/);
}

function expectProblem(got: Got): void {
  expectSafe(got);
  expect(got.headers.get('content-type'), got.where).to.match(/^application\/problem\+json/);
  expect(JSON.parse(got.text), got.where).to.include({ type: 'about:blank', status: got.status });
}

/** A "no" that shows nothing of what we look like inside, and keeps its guards up. */
function expectSafe({ where, status, headers, text }: Got): void {
  expect(status, where).to.be.within(400, 499);
  expect(text, where).not.to.match(/node_modules|\.[jt]s:\d+|\bat \w+ \(|(Type|Range|Syntax|URI|Reference)Error|<pre>/);
  expect(headers.get('content-security-policy'), where).to.contain("default-src 'none'");
  expect(headers.get('set-cookie'), where).to.equal(null);
}
