'use strict';

// A second click on a flag takes it away.
async function setFlag(button) {
  const buttons = button.parentElement.querySelectorAll('button');
  const flag = button.getAttribute('aria-pressed') === 'true' ? null : button.value;
  const clip = button.closest('figure').dataset.clip;
  for (const each of buttons) each.disabled = true;
  try {
    const answer = await send('flag', JSON.stringify({clip_id: clip, flag}));
    for (const each of buttons) each.setAttribute('aria-pressed', String(each.value === flag));
    document.getElementById('summary').textContent = answer.summary;
    showProblem('');
  } catch (error) {
    showProblem(error.message);
  }
  for (const each of buttons) each.disabled = false;
  button.focus();
}

for (const button of document.querySelectorAll('.flags button')) {
  button.addEventListener('click', () => setFlag(button));
}

function nameUnreadable(image) {
  const figure = image.closest('figure');
  if (figure.querySelector('.problem')) return;
  const message = document.createElement('p');
  message.className = 'problem';
  message.textContent = 'The file of this clip is missing or damaged';
  figure.prepend(message);
}

for (const image of document.querySelectorAll('figure img')) {
  image.addEventListener('error', () => nameUnreadable(image));
  if (image.complete && image.currentSrc && !image.naturalWidth) nameUnreadable(image);
}
