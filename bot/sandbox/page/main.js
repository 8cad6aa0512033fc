// Puts the page together: state, server, panes; and says what each act of a person does.

import { Api, LiveSocket } from "./api.js";
import { ChannelPane } from "./channel.js";
import { el } from "./dom.js";
import { HomePane } from "./home.js";
import { turnStatuses } from "./messages.js";
import { ModalStack, confirmed } from "./modal.js";
import { appName, nameOf } from "./people.js";
import { Sidebar } from "./sidebar.js";
import { State, isReply, threadKey } from "./state.js";
import { ThreadPane } from "./thread.js";

const WIDE = matchMedia("(min-width: 960px)"); // room for a thread beside the channel
const TURN = 2500; // milliseconds that one loading message stays
const TOAST = 6000;

class Page {
  constructor() {
    const home = new HomePane(this);
    this.current = new State("");
    this.fetching = 0; // how many fetches are under way
    this.late = []; // events that wait for them
    this.sidebar = new Sidebar(document.getElementById("sidebar"), this);
    this.channelPane = new ChannelPane(document.getElementById("channel"), this, { home });
    this.threadPane = new ThreadPane(document.getElementById("thread"), this);
    this.modals = new ModalStack(document.getElementById("dialogs"), this);
    this.panes = [this.sidebar, this.channelPane, home, this.threadPane, this.modals];
    this.announcer = document.getElementById("announcer");
    this.toasts = document.getElementById("toasts");
    document.getElementById("channel").addEventListener("pointerdown", () => this.menu(false));
    document.getElementById("sidebar").addEventListener("keydown", ({ key }) => key === "Escape" && this.menu(false));
    window.addEventListener("hashchange", () => this.#followHash());
    setInterval(() => turnStatuses(Math.floor(Date.now() / TURN)), TURN);
  }

  state = () => this.current;

  // -- one person at a time

  /** Begin to be `person` (the server's first one when empty); everything of the person before is forgotten. */
  async play(person, place = {}) {
    const state = new State(person);
    state.take(await new Api(person).state());
    const wanted = place.channel ?? this.current.channel;
    state.channel = state.channels.has(wanted) ? wanted : [...state.channels.keys()][0];
    state.thread = place.thread ?? null;
    state.tab = place.tab ?? "messages";
    this.socket?.close();
    this.api = new Api(state.me);
    this.current = state;
    if (!place.message) this.#moved();
    this.#connect();
  }

  switchTo = (person) => this.#try(this.play(person));

  #connect() {
    const state = this.current;
    const onLost = () => {
      state.online = false;
      this.draw();
    };
    this.late = [];
    this.socket = new LiveSocket(state.me, {
      onEvent: (event) => this.#arrived(event),
      onOpen: () => this.#try(this.#refresh(state)),
      onLost,
    });
    this.draw();
  }

  /** Events wait while messages are being fetched: what was fetched may be older than they are. */
  #arrived(event) {
    if (this.fetching) this.late.push(event);
    else this.#happened(event);
  }

  async #whileEventsWait(fetches) {
    this.fetching += 1;
    try {
      return await fetches();
    } finally {
      this.fetching -= 1;
      if (!this.fetching) this.late.splice(0).forEach((event) => this.#happened(event));
    }
  }

  async #refresh(state) {
    const lost = !state.online;
    state.online = true;
    if (lost) state.statuses.clear();
    await this.#whileEventsWait(async () => {
      state.take(await this.api.state());
      state.loaded.clear();
      await this.#load(state);
    });
    if (lost && state.tab === "home") state.home = (await this.api.home()).view;
    this.draw();
    this.#followHash();
  }

  #load(state) {
    const { channel, thread } = state;
    const missing = [[channel], [channel, thread]].filter(
      ([id, ts]) => ts !== null && !state.loaded.has(ts ? threadKey(id, ts) : id),
    );
    return this.#whileEventsWait(async () => {
      for (const [id, ts] of missing) state.takeMessages(id, (await this.api.messages(id, ts)).messages, ts);
      this.draw();
    });
  }

  #happened(event) {
    const message = this.current.apply(event);
    if (message) this.#announce(message);
    if (message) this.#showAnswer(message);
    if (event.type === "status" && event.status && event.channel === this.current.channel)
      this.announcer.textContent = `${appName(this.current)} ${event.status}`;
    if (event.type === "message_changed" && !event.message.streaming) this.#announceEnd(event.message);
    this.draw();
  }

  /** The asker sees the answer's thread at once, where there is room and no thread is open that they chose themselves. */
  #showAnswer(message) {
    const { current: state } = this;
    const busy = state.thread && (!state.threadFollows || this.threadPane.root.contains(document.activeElement));
    if (!message.bot || !isReply(message) || busy || !WIDE.matches || message.channel !== state.channel) return;
    if (state.message(message.channel, message.thread_ts)?.user !== state.me) return;
    this.openThread(message.channel, message.thread_ts);
    state.threadFollows = true;
  }

  #announce(message) {
    const { current: state } = this;
    if (message.user === state.me || message.streaming || message.channel !== state.channel) return;
    this.announcer.textContent = `${nameOf(state, message.user)}: ${message.text}`;
  }

  #announceEnd(message) {
    if (message.bot && message.channel === this.current.channel) this.#announce(message);
  }

  // -- drawing

  /** Draw soon; many changes at once become one drawing. */
  draw() {
    this.drawing ??= setTimeout(() => {
      this.drawing = null;
      this.#drawNow();
    }, 0);
  }

  #drawNow() {
    const { current: state } = this;
    if (!state.ready) return;
    for (const pane of this.panes) pane.render(state);
    document.body.classList.toggle("with-thread", Boolean(state.thread));
    document.body.dataset.ready = String(state.loaded.has(state.channel));
    document.title = `${titleOf(state)} – ${state.team.name}`;
  }

  toast(text) {
    const note = el("p", { class: "toast", "data-testid": "toast" }, text);
    this.toasts.append(note);
    setTimeout(() => note.remove(), TOAST);
  }

  menu(open) {
    document.body.classList.toggle("menu-open", open);
    if (open) document.querySelector("#sidebar [aria-current]")?.focus();
  }

  // -- going somewhere

  async openChannel(channel, { tab = "messages" } = {}) {
    const { current: state } = this;
    Object.assign(state, { channel, tab, thread: null, editing: null });
    state.unread.delete(channel);
    this.menu(false);
    this.#moved();
    if (WIDE.matches) this.channelPane.composer.focus();
    if (state.channels.get(channel)?.kind === "im") this.#toldApp(tab);
    await this.#try(this.#load(state));
  }

  openTab(tab) {
    const focused = document.activeElement?.getAttribute("role") === "tab";
    Object.assign(this.current, { tab, thread: null });
    if (tab === "messages") this.current.unread.delete(this.current.channel);
    this.#moved();
    this.#toldApp(tab);
    if (focused) setTimeout(() => document.getElementById(`tab-${tab}`)?.focus());
  }

  async #toldApp(tab) {
    const { current: state } = this;
    await this.#try(this.api.openHome(tab));
    if (tab !== "home") return;
    const answer = await this.#try(this.api.home());
    state.home ??= answer?.view ?? null; // a view that came live meanwhile is newer
    this.draw();
  }

  async openThread(channel, ts, { focus = false } = {}) {
    const { current: state } = this;
    Object.assign(state, { channel, thread: ts, threadFollows: false, editing: null });
    this.#moved();
    if (focus) setTimeout(() => this.threadPane.composer.focus());
    await this.#try(this.#load(state));
  }

  closeThread() {
    this.current.thread = null;
    this.#moved();
    if (WIDE.matches) this.channelPane.composer.focus();
  }

  #moved() {
    const { me, channel, thread, tab } = this.current;
    const parts = { as: me, channel, ...(thread && { thread }), ...(tab === "home" && { tab }) };
    history.replaceState(null, "", `#${new URLSearchParams(parts)}`);
    this.draw();
  }

  /** `#channel=…&message=…`: a link to a message, or to a channel. */
  async #followHash() {
    const { as, channel, message, thread, tab } = placeInHash();
    const { current: state } = this;
    if (as && as !== state.me) return this.#try(this.play(as, { channel, thread, tab }));
    if (channel && state.channels.has(channel) && channel !== state.channel) await this.openChannel(channel, { tab });
    if (message) await this.#reveal(message);
    if (!as) this.#moved();
  }

  async #reveal(ts) {
    const { channel } = this.current;
    const root = this.current.message(channel, ts)?.thread_ts ?? (await this.#rootOf(channel, ts));
    if (root && root !== ts) await this.openThread(channel, root);
    this.#moved();
    this.#drawNow();
    const pane = root && root !== ts ? this.threadPane : this.channelPane;
    pane.scroller.reveal(ts);
  }

  /** A reply that was not loaded yet names its thread only when it is asked for. */
  async #rootOf(channel, ts) {
    if (this.current.message(channel, ts)) return null;
    const answer = await this.#try(this.api.messages(channel, ts));
    return answer?.messages.find((message) => message.ts === ts)?.thread_ts ?? null;
  }

  // -- writing

  /** Send what was typed in the channel; a known `/command` goes to the app. */
  send(text) {
    const { channel, commands } = this.current;
    const command = /^\/([\w-]+)(?=\s|$)/.exec(text)?.[0];
    if (!command) return this.api.post(channel, text.trim());
    if (commands.some((known) => known.command === command)) return this.api.command(channel, text.trim());
    return Promise.reject(new Error(`${command} is not a command here. To send it as a message, begin with a space.`));
  }

  reply(text) {
    const { channel, thread } = this.current;
    if (/^\/[\w-]+(\s|$)/.test(text)) return Promise.reject(new Error("Commands do not work in threads."));
    return this.api.post(channel, text.trim(), thread);
  }

  startEdit(message) {
    this.current.editing = message.ts;
    this.draw();
  }

  stopEdit() {
    this.current.editing = null;
    this.draw();
  }

  async saveEdit(message, text) {
    if (!text.trim()) return this.remove(message);
    await this.#try(this.api.edit(message.channel, message.ts, text.trim()));
    this.stopEdit();
  }

  async remove(message) {
    const plain = (text) => ({ type: "plain_text", text });
    const sure = await confirmed(
      {
        title: plain("Delete message"),
        text: plain("This message will be deleted for everybody."),
        confirm: plain("Delete"),
        style: "danger",
      },
      this.current.names,
    );
    if (sure) await this.#try(this.api.remove(message.channel, message.ts));
  }

  dismiss(message) {
    this.current.dismissed.add(`${message.channel}/${message.ts}`);
    this.draw();
  }

  stop = (channel, threadTs) => this.#try(this.api.stop(channel, threadTs));

  // -- the app's controls

  act(message, block, element, action) {
    return this.#act({ channel: message.channel, message_ts: message.ts }, block, element, action);
  }

  actInView(view, block, element, action) {
    return this.#act({ view_id: view.id }, block, element, action);
  }

  async #act(where, block, element, action) {
    if (element.confirm && !(await confirmed(element.confirm, this.current.names))) return false;
    return (
      (await this.#try(
        this.api.action({ ...where, block_id: block.block_id, action_id: element.action_id, action }),
      )) !== null
    );
  }

  /** Hand a form to the app; resolves to its errors by block_id, if any. */
  async submitView(view, values) {
    const answer = await this.api.submit(view.id, values);
    if (answer.errors) return answer.errors;
    if (answer.view) this.current.putView(answer.view);
    else this.current.dropView(view.id);
    this.draw();
    return {};
  }

  async closeView(view) {
    this.current.dropView(view.id);
    this.draw();
    await this.#try(this.api.close(view.id));
  }

  /** What a promise gives; what goes wrong is told to the person. */
  async #try(promise) {
    try {
      return await promise;
    } catch (error) {
      this.toast(error.message);
      return null;
    }
  }
}

function titleOf(state) {
  const channel = state.channels.get(state.channel);
  return channel?.kind === "im" ? state.app.name : `#${channel?.name ?? ""}`;
}

const placeInHash = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

/** A permalink arrives as `/?channel=…&ts=…`; from here on the part after `#` says where the page is. */
function takePermalink() {
  const { channel, ts } = Object.fromEntries(new URLSearchParams(location.search));
  if (channel) history.replaceState(null, "", `/#${new URLSearchParams({ channel, message: ts ?? "" })}`);
}

async function start() {
  takePermalink();
  const page = new Page();
  const { as = "", ...place } = placeInHash();
  try {
    await page.play(as, place);
  } catch (error) {
    if (as && error.code !== "unreachable") return page.play("", place);
    page.toast(error.message);
    setTimeout(() => location.reload(), TOAST);
  }
}

start();
