// Everything here only adds to what works without it.

// Whoever is on the way to another page is not called back.
let isLeaving = false;
addEventListener('beforeunload', () => {
  isLeaving = true;
});

// Numbers that move by themselves.
for (const box of document.querySelectorAll('[data-live]')) {
  const source = new EventSource(box.dataset.live);
  source.addEventListener('open', () => showLive(true));
  // Whoever is in there by keyboard keeps their place: what came meanwhile is shown when they leave.
  let next = null;
  const show = () => {
    if (next === null || box.contains(document.activeElement)) return;
    box.innerHTML = next;
    next = null;
  };
  source.addEventListener('progress', (event) => {
    next = event.data;
    show();
  });
  box.addEventListener('focusout', () => setTimeout(show));
  source.addEventListener('done', () => {
    source.close();
    for (const words of document.querySelectorAll('[data-live-on], [data-live-off]')) words.hidden = true;
    // What is over can be paused no more: the page is shown anew, unless somebody is somewhere in it.
    if (document.activeElement === document.body && !isLeaving) location.reload();
  });
  source.addEventListener('error', () => showLive(false));
}

function showLive(isLive) {
  for (const words of document.querySelectorAll('[data-live-on]')) words.hidden = !isLive;
  for (const words of document.querySelectorAll('[data-live-off]')) words.hidden = isLive;
}

// A place to drop a file on.
for (const place of document.querySelectorAll('[data-drop]')) {
  const input = place.querySelector('input[type=file]');
  for (const hint of place.querySelectorAll('[data-drop-hint]')) hint.hidden = false;
  const isOver = (over) => place.classList.toggle('drop-over', over);
  place.addEventListener('dragover', (event) => {
    event.preventDefault();
    isOver(true);
  });
  place.addEventListener('dragleave', () => isOver(false));
  place.addEventListener('drop', (event) => {
    event.preventDefault();
    isOver(false);
    if (event.dataTransfer.files.length > 0) input.files = event.dataTransfer.files;
  });
}

// What is long is copied rather than marked by hand.
for (const text of document.querySelectorAll('[data-copy]')) {
  if (!navigator.clipboard) break;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'link';
  // Who hears the buttons one after the other hears what each copies.
  const say = (word) => {
    button.textContent = word;
    button.setAttribute('aria-label', `${word}: ${text.textContent.slice(0, 40)}`);
  };
  say(text.dataset.copy);
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(text.textContent);
    say(text.dataset.copied);
  });
  text.after(button);
}

// Who types a time means it.
document.querySelector('form[data-act="plan"] #at')?.addEventListener('input', (event) => {
  if (event.target.value !== '') document.querySelector('#when-at').checked = true;
});

// A button that sends does so once. What may answer with a file stays: this page is still there then.
for (const form of document.querySelectorAll('form[data-act]:not([data-download])')) {
  form.addEventListener('submit', () => {
    for (const button of form.querySelectorAll('button')) setTimeout(() => (button.disabled = true));
  });
}
addEventListener('pageshow', () => {
  for (const button of document.querySelectorAll('form[data-act] button')) button.disabled = false;
});
