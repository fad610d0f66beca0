import type { Setup } from '../consent/setup.js';

/** The organisation that a first start without settings brings along: made up, and said to be. */
export const DEMO: Setup = {
  organisation: {
    slug: 'demo',
    name: 'Wisła Bookshop (demo)',
    legalName: 'Wisła Bookshop sp. z o.o. (made up)',
    postalAddress: 'ul. Przykładowa 1, 00-001 Warszawa, Poland',
    privacyContact: 'privacy@bookshop.example',
    dataProtectionOfficer: 'officer@bookshop.example',
    recipients: ['Wisła Hosting (made up), Gdańsk, Poland: runs the servers'],
    storageLocations: ['Poland'],
    fromAddress: 'letters@bookshop.example',
    language: 'en',
    jurisdiction: 'PL',
    timeZone: 'Europe/Warsaw',
    attributes: [
      { name: 'first_name', labels: { en: 'First name', pl: 'Imię' } },
      { name: 'city', labels: { en: 'City', pl: 'Miasto' }, filter: true },
    ],
  },
  notices: {
    en: 'Wisła Bookshop (made up, for trying Zgoda out) uses your address, and what you tell us beside it, only to send the lists that you confirmed. It sees what you open and follow only if you agreed to that by itself. You can leave any list at any time with the link in every mail. Nothing is shared with anybody.',
    pl: 'Wisła Bookshop (firma wymyślona, do wypróbowania Zgody) używa adresu, i tego, co podano oprócz niego, tylko do wysyłania list, które zostały potwierdzone. Otwarcia i kliknięcia mierzy tylko za osobną zgodą. Z każdej listy można wypisać się w każdej chwili linkiem w każdej wiadomości. Danych nikomu nie przekazujemy.',
  },
  lists: [
    {
      slug: 'news',
      language: 'en',
      topics: [
        { slug: 'novels', names: { en: 'Novels', pl: 'Powieści' } },
        { slug: 'children', names: { en: 'Books for children', pl: 'Książki dla dzieci' } },
        { slug: 'travel', names: { en: 'Travel', pl: 'Podróże' } },
      ],
      texts: {
        en: {
          name: 'Bookshop news',
          about: 'New books, readings and opening hours.',
          frequency: 'about once a week',
          wording:
            'I want marketing e-mail from Wisła Bookshop about new books, readings and opening hours, about once a week. I can withdraw at any time, for example with the link in every mail.',
        },
        pl: {
          name: 'Wieści z księgarni',
          about: 'Nowe książki, spotkania autorskie i godziny otwarcia.',
          frequency: 'mniej więcej raz w tygodniu',
          wording:
            'Chcę otrzymywać informacje marketingowe pocztą elektroniczną. Nadawca: Wisła Bookshop. Temat: nowe książki, spotkania autorskie i godziny otwarcia. Częstotliwość: mniej więcej raz w tygodniu. Zgodę mogę wycofać w każdej chwili, na przykład linkiem w każdej wiadomości.',
        },
      },
    },
    {
      slug: 'readings',
      language: 'en',
      texts: {
        en: {
          name: 'Readings and events',
          about: 'Invitations to readings in the shop.',
          frequency: 'once a month',
          wording:
            'I want marketing e-mail from Wisła Bookshop with invitations to readings in the shop, once a month. I can withdraw at any time, for example with the link in every mail.',
        },
        pl: {
          name: 'Spotkania autorskie',
          about: 'Zaproszenia na spotkania w księgarni.',
          frequency: 'raz w miesiącu',
          wording:
            'Chcę otrzymywać informacje marketingowe pocztą elektroniczną. Nadawca: Wisła Bookshop. Temat: zaproszenia na spotkania w księgarni. Częstotliwość: raz w miesiącu. Zgodę mogę wycofać w każdej chwili, na przykład linkiem w każdej wiadomości.',
        },
      },
    },
  ],
  tracking: {
    slug: 'measuring',
    language: 'en',
    texts: {
      en: {
        name: 'Measuring of openings and clicks',
        about: 'Which mails you open and which links you follow, to write what is read.',
        frequency: 'with every mail',
        wording:
          'I agree that Wisła Bookshop sees which mails I open and which links I follow, to write what is read. I can withdraw at any time, for example with the settings link in every mail.',
      },
      pl: {
        name: 'Pomiar otwarć i kliknięć',
        about: 'Które wiadomości są otwierane i które linki klikane, aby pisać to, co się czyta.',
        frequency: 'z każdą wiadomością',
        wording:
          'Zgadzam się na pomiar otwarć i kliknięć w wiadomościach. Nadawca: Wisła Bookshop. Cel: pisać to, co się czyta. Zgodę mogę wycofać w każdej chwili, na przykład linkiem do ustawień w każdej wiadomości.',
      },
    },
  },
  forms: [{ id: 'demo', list: 'news', allowedOrigins: [] }],
};
