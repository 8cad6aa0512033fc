// A list of messages: rows with avatar, name, time and content, dividers between days, replies, statuses.

import { renderBlocks } from "./blocks.js";
import { el, icon, reconcile } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { renderMrkdwn, unescapeEntities } from "./mrkdwn.js";
import { appName, avatar, dayOf, fullTimeOf, isoOf, nameOf, timeOf } from "./people.js";
import { isReply, threadKey } from "./state.js";

export const ANSWERING = { status: "is answering …", loading: [] }; // shown while a reply is being written
const TOGETHER = 300; // seconds within which messages of one person share an avatar

/** Draw messages into `list`; `inThread` leaves out what belongs to the channel, `divider` comes after the first message. */
export function drawMessages(
  list,
  messages,
  state,
  actions,
  { inThread = false, divider = null, before = [], after = [] } = {},
) {
  const threads = inThread || messages.length === 0 ? new Map() : state.threads(messages[0].channel);
  const rows = messages.flatMap((message, i) =>
    rowsOf(message, messages[i - 1], { state, actions, inThread, replies: threads.get(message.ts) ?? [] }),
  );
  if (divider) rows.splice(1, 0, divider);
  reconcile(list, [...before, ...rows, ...after]);
}

function rowsOf(message, previous, { state, actions, inThread, replies }) {
  const day = dayOf(message.ts);
  const newDay = !inThread && (!previous || dayOf(previous.ts) !== day);
  const compact = !newDay && followsOn(message, previous) && !(inThread && !isReply(previous));
  const below = inThread ? null : threadSummary(message, replies, state);
  const editing = state.editing === message.ts && message.channel === state.channel;
  const row = {
    key: message.ts,
    signature: [message, compact, editing, below?.status, below?.hidden, below?.answering, state.me, inThread],
    build: () => messageRow(message, { state, actions, compact, editing, below, inThread }),
  };
  return newDay ? [{ key: `day-${day}`, signature: [day], build: () => dayDivider(day) }, row] : [row];
}

const dayDivider = (text) =>
  el("div", { class: "divider", role: "separator", "aria-label": text }, el("span", {}, text));

function followsOn(message, previous) {
  const near = previous && previous.user === message.user && Number(message.ts) - Number(previous.ts) < TOGETHER;
  return Boolean(near) && !previous.ephemeral === !message.ephemeral && !previous.reply_count && !message.ephemeral;
}

function messageRow(message, { state, actions, compact, editing, below, inThread }) {
  const kind = `${message.ephemeral ? " ephemeral" : ""}${compact ? " compact" : ""}${message.streaming ? " streaming" : ""}`;
  const attributes = {
    class: `message${kind}`,
    "data-testid": "message",
    "data-ts": message.ts,
    "data-user": message.user,
    "data-thread-ts": message.thread_ts,
  };
  return el(
    "article",
    {
      ...attributes,
      "data-ephemeral": Boolean(message.ephemeral),
      "data-streaming": Boolean(message.streaming),
      "aria-busy": Boolean(message.streaming) && "true",
      "aria-label": `${nameOf(state, message.user)}, ${timeOf(message.ts)}`,
    },
    el("div", { class: "gutter" }, compact ? timeLink(message) : avatar(state, message.user)),
    el(
      "div",
      { class: "message-body" },
      message.ephemeral && ephemeralNote(message, actions),
      !compact && messageHead(message, state),
      editing ? editForm(message, state, actions) : messageContent(message, state, actions),
      below && threadBelow(message, below, state, actions),
    ),
    !editing && !message.ephemeral && toolbar(message, state, actions, inThread),
  );
}

function messageHead(message, state) {
  return el(
    "header",
    { class: "message-head" },
    el("span", { class: "author" }, nameOf(state, message.user)),
    " ",
    message.bot && el("span", { class: "badge" }, "APP"),
    " ",
    timeLink(message),
  );
}

const timeLink = (message) =>
  el(
    "a",
    { class: "time", href: `#channel=${message.channel}&message=${message.ts}`, title: fullTimeOf(message.ts) },
    el("time", { datetime: isoOf(message.ts) }, timeOf(message.ts)),
  );

function ephemeralNote(message, actions) {
  return el(
    "p",
    { class: "ephemeral-note" },
    icon("eye"),
    "Only visible to you · ",
    el(
      "button",
      { type: "button", class: "text-button", "data-testid": "dismiss", onclick: () => actions.dismiss(message) },
      "Dismiss",
    ),
  );
}

/** Blocks where the app sent some, otherwise the text; a person's message is its text. */
export function messageContent(message, state, actions) {
  const { names } = state;
  const blocks = message.bot || message.blocks?.some((block) => block.type !== "rich_text") ? message.blocks : null;
  const context = {
    names,
    pressed: state.pressedIn(message),
    act: (block, element, action) => actions.act(message, block, element, action),
  };
  const content = blocks?.length
    ? renderBlocks(blocks, context)
    : el("div", { class: "mrkdwn" }, renderMrkdwn(message.text ?? "", names));
  const reactions = (message.reactions ?? []).map(({ name, count, users }) =>
    el("span", { class: "reaction" }, withEmoji(`:${name}:`), ` ${count ?? users?.length ?? 1}`),
  );
  const edited = message.edited && !message.bot && el("span", { class: "edited" }, " (edited)");
  return el(
    "div",
    { class: "content", "data-testid": "message-content" },
    content,
    edited,
    message.streaming && el("span", { class: "caret", "aria-hidden": "true" }),
    reactions.length > 0 && el("div", { class: "reactions" }, reactions),
  );
}

// -- threads below a message

function threadSummary(message, replies, state) {
  return {
    status: state.statuses.get(threadKey(message.channel, message.ts)),
    answering: replies.some((reply) => reply.streaming),
    hidden: replies.filter((reply) => reply.ephemeral).length,
  };
}

function threadBelow(message, { status, hidden, answering }, state, actions) {
  const count = message.reply_count ?? 0;
  const doing = status ?? (answering && ANSWERING);
  return [
    (count > 0 || hidden > 0) && threadLink(message, count, hidden, state, actions),
    doing && statusLine(doing, state, () => actions.stop(message.channel, message.ts)),
  ];
}

function threadLink(message, count, hidden, state, actions) {
  const users = (message.reply_users ?? []).slice(0, 4).map((id) => avatar(state, id, { small: true }));
  const label = count ? `${count} ${count === 1 ? "reply" : "replies"}` : "Reply only visible to you";
  const last =
    message.latest_reply &&
    el(
      "span",
      { class: "last-reply" },
      `Last ${dayOf(message.latest_reply).toLowerCase()} at ${timeOf(message.latest_reply)}`,
    );
  return el(
    "button",
    {
      type: "button",
      class: "thread-link",
      "data-testid": "thread-link",
      onclick: () => actions.openThread(message.channel, message.ts, { focus: true }),
    },
    el("span", { class: "stack" }, users),
    el("span", { class: "count" }, label),
    count > 0 && hidden > 0 && icon("eye"),
    last,
  );
}

/** "Footnote is searching …" and a way to stop it; the loading messages take turns (see `turnStatuses`). */
export function statusLine({ status, loading }, state, stop) {
  const message = el("span", { class: "loading-message" }, loading[0] ?? "");
  const line = el(
    "p",
    { class: "status", "data-testid": "status" },
    el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")),
    el("span", {}, `${appName(state)} ${status}`),
    message,
    stop && el("button", { type: "button", class: "text-button", "data-testid": "status-stop", onclick: stop }, "Stop"),
  );
  line.turn = (n) => loading.length > 1 && message.replaceChildren(loading[n % loading.length]);
  return line;
}

export const turnStatuses = (n) => document.querySelectorAll(".status").forEach((line) => line.turn(n));

// -- acting on a message

function toolbar(message, state, actions, inThread) {
  const own = message.user === state.me;
  const button = (name, label, testid, act) =>
    el(
      "button",
      { type: "button", class: "tool", "aria-label": label, title: label, "data-testid": testid, onclick: act },
      icon(name),
    );
  const root = isReply(message) ? message.thread_ts : message.ts;
  const tools = [
    !inThread &&
      button("reply", "Reply in thread", "reply", () => actions.openThread(message.channel, root, { focus: true })),
    own && button("edit", "Edit message", "edit", () => actions.startEdit(message)),
    own && button("trash", "Delete message", "delete", () => actions.remove(message)),
  ].filter(Boolean);
  return tools.length > 0 && el("div", { class: "tools", role: "group", "aria-label": "Message actions" }, tools);
}

/** What a person typed, from Slack's stored form of it. */
export function typedText(text, names) {
  const plain = text
    .replace(/<@(\w+)(?:\|[^>]*)?>/g, (_, id) => `@${names.user(id)}`)
    .replace(/<#(\w+)(?:\|([^>]*))?>/g, (_, id, label) => `#${names.channel(id) ?? label ?? id}`)
    .replace(/<!(\w+)(?:\|[^>]*)?>/g, "@$1")
    .replace(/<([^<>|]+)(?:\|[^<>]*)?>/g, "$1");
  return unescapeEntities(plain);
}

function editForm(message, state, actions) {
  const area = el("textarea", { class: "field", rows: 2, "aria-label": "Edit message", "data-testid": "edit-text" });
  area.value = typedText(message.text ?? "", state.names);
  const save = (event) => {
    event.preventDefault();
    actions.saveEdit(message, area.value);
  };
  const keys = (event) => {
    if (event.key === "Escape") actions.stopEdit();
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) save(event);
    event.stopPropagation();
  };
  area.addEventListener("keydown", keys);
  queueMicrotask(() => area.focus());
  return el(
    "form",
    { class: "edit-form", onsubmit: save },
    area,
    el(
      "div",
      { class: "edit-buttons" },
      el("button", { type: "button", class: "button", onclick: () => actions.stopEdit() }, "Cancel"),
      el("button", { type: "submit", class: "button button-primary", "data-testid": "edit-save" }, "Save"),
    ),
  );
}
