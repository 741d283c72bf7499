'use strict';

document.getElementById('hold').checked = matchMedia('(prefers-reduced-motion: reduce)').matches;

function showProblem(text) {
  const problem = document.getElementById('problem');
  problem.textContent = text;
  problem.hidden = !text;
}

// The answer of the server to what is sent; what goes wrong is an error with a message.
async function send(address, body) {
  let response;
  try {
    response = await fetch(address, {method: 'POST', body});
  } catch {
    throw new Error('No answer: the file cannot be read, or lddm-aug browse has ended');
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Error(answer.message || 'lddm-aug browse has failed; its terminal shows why');
  }
  return answer;
}
