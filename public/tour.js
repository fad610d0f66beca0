// The tour looks again by itself while somebody looks at it. Without this file there is a link that does the same.
const EVERY_MS = 3000;
const story = document.getElementById('tour-story');
const now = document.getElementById('tour-now');

setInterval(() => {
  if (!document.hidden) lookAgain().catch(() => undefined);
}, EVERY_MS);

async function lookAgain() {
  const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const fresh = page.getElementById('tour-story');
  if (!fresh || isSame(fresh)) return;
  keepOpen(fresh);
  const focused = story.contains(document.activeElement) ? placeOf(document.activeElement) : null;
  story.replaceChildren(...fresh.childNodes);
  if (focused) story.querySelector(focused)?.focus();
  // Spoken only when it says something new.
  const next = page.getElementById('tour-now')?.innerHTML;
  if (next && now.innerHTML !== next) now.innerHTML = next;
}

// Receipt links are minted anew each time; they alone are no news.
function isSame(fresh) {
  const words = (node) => [...node.querySelectorAll('.step')].map((step) => step.className + step.textContent).join();
  return words(fresh) === words(story);
}

// What the reader opened or closed stays so.
function keepOpen(fresh) {
  for (const old of story.querySelectorAll('details')) {
    const same = fresh.querySelector(`#${old.id}`);
    if (same && old.open !== old.hasAttribute('data-open')) same.open = old.open;
  }
}

function placeOf(element) {
  const step = element.closest('.step');
  return step ? `#${step.id} ${element.localName}` : null;
}
