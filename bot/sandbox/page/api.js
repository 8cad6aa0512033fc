// The sandbox server's own API: requests as one person, and the live socket.

/** A request that the server refused; the message is a sentence for people. */
export class SandboxError extends Error {
  constructor(code, message) {
    super(message || code);
    this.code = code;
  }
}

async function answerOf(response) {
  const body = await response.json().catch(() => ({}));
  if (!response.ok)
    throw new SandboxError(body.error ?? `http_${response.status}`, body.message ?? "The sandbox could not do that.");
  return body;
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new SandboxError("unreachable", "The sandbox is not running. It will be tried again.");
  }
  return answerOf(response);
}

export class Api {
  constructor(person) {
    this.person = person;
  }

  #get(path, parameters = {}) {
    return request(`/page/${path}?${new URLSearchParams({ as: this.person, ...parameters })}`);
  }

  #post(path, body) {
    return request(`/page/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ as: this.person, ...body }),
    });
  }

  state = () => this.#get("state");
  messages = (channel, threadTs) => this.#get("messages", threadTs ? { channel, thread_ts: threadTs } : { channel });
  home = () => this.#get("home");
  post = (channel, text, threadTs) =>
    this.#post("message", threadTs ? { channel, text, thread_ts: threadTs } : { channel, text });
  edit = (channel, ts, text) => this.#post("edit", { channel, ts, text });
  remove = (channel, ts) => this.#post("delete", { channel, ts });
  command = (channel, text) => this.#post("command", { channel, text });
  action = (body) => this.#post("action", body);
  submit = (viewId, values) => this.#post("view/submit", { view_id: viewId, values });
  close = (viewId) => this.#post("view/close", { view_id: viewId });
  openHome = (tab) => this.#post("home", { tab });
  stop = (channel, threadTs) => this.#post("stop", { channel, thread_ts: threadTs });
}

const FIRST_WAIT = 300; // milliseconds before the first attempt to reconnect; doubled up to LONGEST_WAIT
const LONGEST_WAIT = 5000;

/** Follow what happens for one person; connects again by itself until `close()` is called. */
export class LiveSocket {
  #wait = FIRST_WAIT;
  #closed = false;

  constructor(person, { onEvent, onOpen, onLost }) {
    Object.assign(this, { person, onEvent, onOpen, onLost });
    this.#connect();
  }

  #connect() {
    const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/page/live?as=${encodeURIComponent(this.person)}`;
    this.socket = new WebSocket(address);
    this.socket.onopen = () => {
      this.#wait = FIRST_WAIT;
      this.onOpen();
    };
    this.socket.onmessage = ({ data }) => this.#closed || this.onEvent(JSON.parse(data));
    this.socket.onclose = () => this.#lost();
  }

  #lost() {
    if (this.#closed) return;
    this.onLost();
    this.timer = setTimeout(() => this.#connect(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.timer);
    this.socket.close();
  }
}
