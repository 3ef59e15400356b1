// The sample assistant's page: sends a question over a WebSocket or by POST and shows the answer as it streams in.

const log = document.querySelector('#log');
const form = document.querySelector('#form');
const input = document.querySelector('#text');
const sendButton = form.querySelector('button[type=submit]');
const state = document.querySelector('#state');
const stateText = document.querySelector('#state-text');

const RECONNECT_FIRST_MS = 250;
const RECONNECT_MOST_MS = 5000;
const SOCKET_MS = 6000;

let socket;
let onEvent = () => {};
let onSocketLost = () => {};
let reconnectMs = RECONNECT_FIRST_MS;

function showState(isUp) {
  state.dataset.state = isUp ? 'up' : 'waiting';
  stateText.textContent = isUp ? 'connected' : 'reconnecting';
}

function openSocket() {
  socket = new WebSocket(`wss://${location.host}/chat`);
  socket.addEventListener('open', () => {
    reconnectMs = RECONNECT_FIRST_MS;
    showState(true);
  });
  socket.addEventListener('message', ({ data }) => onEvent(JSON.parse(data)));
  socket.addEventListener('close', () => {
    showState(false);
    onSocketLost();
    setTimeout(openSocket, reconnectMs);
    reconnectMs = Math.min(reconnectMs * 2, RECONNECT_MOST_MS);
  });
}

function addMessage(from, text) {
  const message = document.createElement('div');
  message.className = `message from-${from}`;
  const paragraph = document.createElement('p');
  paragraph.textContent = text;
  message.append(paragraph);
  log.append(message);
  log.scrollTop = log.scrollHeight;
  return message;
}

/** Resolves when the answer is complete; events of either way of streaming end up here. */
function receiveAnswer(wayName) {
  const message = addMessage('assistant', '');
  message.classList.add('is-streaming');
  const paragraph = message.firstElementChild;
  const startMs = performance.now();
  let firstMs;
  let pieces = 0;
  return new Promise((resolve) => {
    onEvent = (event) => {
      const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
      firstMs ??= performance.now() - startMs;
      if (event.kind === 'piece') {
        pieces += 1;
        paragraph.textContent += event.text;
      } else {
        if (event.kind === 'error') paragraph.textContent += event.text;
        const facts = document.createElement('p');
        facts.className = 'facts';
        facts.textContent = `${wayName} · first word after ${Math.round(firstMs)} ms · ${pieces} pieces`;
        message.append(facts);
        message.classList.remove('is-streaming');
        onEvent = () => {};
        resolve();
      }
      if (isAtEnd) log.scrollTop = log.scrollHeight;
    };
  });
}

/** Reads server-sent events off the answer to a POST, which EventSource cannot send. */
async function askByEvents(text) {
  const response = await fetch('/chat', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  });
  if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const events = (rest + part.value).split('\n\n');
    rest = events.pop();
    for (const event of events) onEvent(JSON.parse(event.slice('data: '.length)));
  }
  onEvent({ kind: 'error', text: 'The answer broke off. Please ask again.' });
}

async function askBySocket(text) {
  await waitForSocket();
  onSocketLost = () => onEvent({ kind: 'error', text: 'The connection broke off. Please ask again.' });
  socket.send(JSON.stringify({ text }));
}

/** A connection that has just been lost is back in a moment. */
async function waitForSocket() {
  const deadlineMs = performance.now() + SOCKET_MS;
  while (socket.readyState !== WebSocket.OPEN) {
    if (performance.now() > deadlineMs) throw new Error('not connected');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function ask(text) {
  const way = form.elements.way.value;
  addMessage('visitor', text);
  sendButton.disabled = true;
  const answered = receiveAnswer(way === 'events' ? 'server-sent events' : 'WebSocket');
  try {
    if (way === 'events') await askByEvents(text);
    else await askBySocket(text);
  } catch {
    onEvent({ kind: 'error', text: 'The question did not get through. Please ask again.' });
  }
  await answered;
  onSocketLost = () => {};
  sendButton.disabled = false;
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = input.value.trim();
  if (text === '' || sendButton.disabled) return;
  input.value = '';
  void ask(text);
});

document.querySelector('#suggestions').addEventListener('click', ({ target }) => {
  if (target instanceof HTMLButtonElement && !sendButton.disabled) void ask(target.textContent);
});

openSocket();
