// What one person can see right now, and how each live event changes it.

const byTs = (a, b) => Number(a.ts) - Number(b.ts);
export const isReply = (message) => Boolean(message.thread_ts) && message.thread_ts !== message.ts;
export const threadKey = (channel, threadTs) => `${channel}/${threadTs}`;

export class State {
  constructor(me) {
    this.me = me;
    this.team = { id: "", name: "" };
    this.users = new Map();
    this.channels = new Map();
    this.commands = [];
    this.suggestions = [];
    this.app = { user_id: "", name: "App", description: "" };
    this.connected = true; // is an app listening?
    this.online = true; // is this page's own socket open?
    this.ready = false;
    this.messages = new Map(); // channel → Map(ts → message)
    this.loaded = new Set(); // channels and threads whose messages were fetched
    this.statuses = new Map(); // channel/thread → {status, loading_messages}
    this.prompts = new Map(); // channel → {title, prompts}
    this.unread = new Map(); // channel → {count, mention}
    this.dismissed = new Set(); // ephemeral messages put away by this person
    this.pressed = new Map(); // message → Map of feedback given in this page
    this.views = []; // open modals, the top one last
    this.home = null;
    this.channel = null;
    this.thread = null;
    this.threadFollows = false; // was the thread opened by an answer, and may the next answer replace it?
    this.tab = "messages";
    this.editing = null;
  }

  /** What `/page/state` says. */
  take({ me, team, users, channels, commands, app, suggestions, connected }) {
    Object.assign(this, {
      me,
      team,
      commands: commands ?? [],
      app,
      suggestions: suggestions ?? [],
      connected,
      ready: true,
    });
    this.users = new Map(users.map((user) => [user.id, user]));
    this.channels = new Map(channels.map((channel) => [channel.id, channel]));
  }

  /** What `/page/messages` says of a channel, or of one thread in it; what is no longer there is forgotten. */
  takeMessages(channel, messages, threadTs) {
    const kept = [...this.#of(channel).values()].filter((message) =>
      threadTs ? message.thread_ts !== threadTs && message.ts !== threadTs : isReply(message),
    );
    this.messages.set(channel, new Map([...kept, ...messages].sort(byTs).map((message) => [message.ts, message])));
    this.loaded.add(threadTs ? threadKey(channel, threadTs) : channel);
  }

  #of(channel) {
    if (!this.messages.has(channel)) this.messages.set(channel, new Map());
    return this.messages.get(channel);
  }

  message = (channel, ts) => this.messages.get(channel)?.get(ts);

  #visible(channel) {
    return [...(this.messages.get(channel)?.values() ?? [])].filter(
      (message) => !this.dismissed.has(`${message.channel}/${message.ts}`),
    );
  }

  topLevel = (channel) =>
    this.#visible(channel).filter((message) => !isReply(message) || message.subtype === "thread_broadcast");

  /** The replies of each thread of a channel: Map(ts of the root → messages). */
  threads = (channel) => Map.groupBy(this.#visible(channel).filter(isReply), (message) => message.thread_ts);

  #put(message) {
    const messages = this.#of(message.channel);
    const known = messages.get(message.ts);
    messages.set(message.ts, { ...(known && replyCounts(known)), ...message });
    if (!known && Number([...messages.keys()].at(-2)) > Number(message.ts))
      this.messages.set(message.channel, new Map([...messages].sort(([, a], [, b]) => byTs(a, b))));
    return !known;
  }

  /** Apply one live event; returns the message when it is a new one. */
  apply(event) {
    const change = Object.hasOwn(CHANGES, event.type) ? CHANGES[event.type] : null;
    return change?.(this, event) ?? null;
  }

  addMessage(message) {
    const isNew = this.#put(message);
    if (!isNew) return null;
    if (isReply(message) && !message.ephemeral) this.#countReply(message);
    if (message.user === this.app.user_id && !message.ephemeral)
      this.statuses.delete(threadKey(message.channel, message.thread_ts ?? message.ts));
    this.#markUnread(message);
    return message;
  }

  changeMessage(message) {
    this.#put(message);
  }

  deleteMessage(channel, ts) {
    const message = this.message(channel, ts);
    if (!message) return;
    this.messages.get(channel).delete(ts);
    const root = isReply(message) && !message.ephemeral && this.message(channel, message.thread_ts);
    if (root) this.#put({ ...root, reply_count: Math.max(0, (root.reply_count ?? 1) - 1) });
    if (this.thread === ts) this.thread = null;
  }

  /** The server may have counted the reply already in a change of the root: the latest counted ts tells. */
  #countReply(reply) {
    const root = this.message(reply.channel, reply.thread_ts);
    if (!root || Number(root.latest_reply ?? 0) >= Number(reply.ts)) return;
    const users = [...new Set([...(root.reply_users ?? []), reply.user])];
    this.#put({ ...root, reply_count: (root.reply_count ?? 0) + 1, reply_users: users, latest_reply: reply.ts });
  }

  #markUnread(message) {
    const looking = message.channel === this.channel && this.tab === "messages";
    if (message.user === this.me || looking) return;
    const old = this.unread.get(message.channel) ?? { count: 0, mention: false };
    const mention =
      old.mention || message.text?.includes(`<@${this.me}>`) || this.channels.get(message.channel)?.kind === "im";
    this.unread.set(message.channel, { count: old.count + 1, mention });
  }

  setStatus({ channel, thread_ts: threadTs, status, loading_messages: loading }) {
    const key = threadTs ? threadKey(channel, threadTs) : channel;
    if (status) this.statuses.set(key, { status, loading: loading ?? [] });
    else this.statuses.delete(key);
  }

  /** A modal that was opened or changed: in place when it is known, otherwise on top. */
  putView(view) {
    const index = this.views.findIndex(({ id }) => id === view.id);
    if (index < 0) this.views = [...this.views, view];
    else this.views = this.views.with(index, view);
  }

  /** `views.open` shows its modal instead of any open ones, `views.push` on top of them. */
  openView(view) {
    if (!view.previous_view_id) this.views = [];
    this.putView(view);
  }

  dropView(id) {
    this.views = this.views.filter((view) => view.id !== id);
  }

  /** Names for drawing text: people, channels, who is looking. */
  get names() {
    return {
      me: this.me,
      user: (id) => this.users.get(id)?.name ?? (id === this.app.user_id ? this.app.name : id),
      channel: (id) => this.channels.get(id)?.name,
    };
  }

  pressedIn(message) {
    const key = `${message.channel}/${message.ts}`;
    if (!this.pressed.has(key)) this.pressed.set(key, new Map());
    return this.pressed.get(key);
  }
}

const replyCounts = ({ reply_count, reply_users, latest_reply }) => ({ reply_count, reply_users, latest_reply });

const CHANGES = {
  message: (state, { message }) => state.addMessage(message),
  message_changed: (state, { message }) => state.changeMessage(message),
  message_deleted: (state, { channel, ts }) => state.deleteMessage(channel, ts),
  status: (state, event) => state.setStatus(event),
  view_opened: (state, { view }) => state.openView(view),
  view_updated: (state, { view }) => state.putView(view),
  view_closed: (state, { view }) => state.dropView(view.id),
  home: (state, { view }) => void (state.home = view),
  prompts: (state, { channel, title, prompts }) => void state.prompts.set(channel, { title, prompts }),
  connected: (state, { connected }) => void (state.connected = connected),
};
