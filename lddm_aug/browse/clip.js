'use strict';

const form = document.querySelector('form');
const drop = document.getElementById('drop');
const file = document.getElementById('file');
const progress = document.getElementById('status');
let still = null;
let latest = 0;                                      // only the newest answer is shown
let before = null;                                   // choices of the clip that is shown

async function makeClip() {
  const number = ++latest;
  const choices = new URLSearchParams(new FormData(form));
  const asked = choices.toString();
  const compares = before && document.getElementById('compare').checked;
  if (compares) choices.set('against', before);
  choices.set('name', still.name);
  showProblem('');
  progress.textContent = 'Making the clip …';
  let made = null;
  let problem = '';
  try {
    made = await send(`clip?${choices}`, still);
  } catch (error) {
    problem = error.message;
  }
  if (number !== latest) return;
  progress.textContent = '';
  showProblem(problem);
  document.getElementById('result').hidden = !made;
  if (!made) return;
  for (const name of ['still', 'clip', 'held']) document.getElementById(name).src = made[name];
  document.getElementById('caption').textContent = made.caption;
  for (const name of ['other', 'difference']) document.getElementById(name).hidden = !compares;
  before = asked;
  if (!compares) return;
  for (const name of ['before', 'changed']) document.getElementById(name).src = made[name];
  document.getElementById('before_caption').textContent = made.before_caption;
}

function take(files) {
  if (!files.length) return;
  still = files[0];
  for (const button of form.querySelectorAll('button')) button.disabled = false;
  if (form.reportValidity()) makeClip();
}

file.addEventListener('change', () => take(file.files));
form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (still) makeClip();
});
document.getElementById('another').addEventListener('click', () => {
  form.elements.seed.value = Math.floor(Math.random() * 2 ** 32);
  makeClip();
});
// A still that misses its place must not replace the page.
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  drop.classList.remove('over');
  if (!event.dataTransfer.files.length) return;
  file.files = event.dataTransfer.files;             // which shows its name, and fires no event
  take(file.files);
});
drop.addEventListener('dragenter', () => drop.classList.add('over'));
drop.addEventListener('dragleave', () => drop.classList.remove('over'));
