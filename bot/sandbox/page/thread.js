// The side pane: one thread with its root, its replies and its own composer.

import { Composer, candidatesFor } from "./composer.js";
import { el, icon } from "./dom.js";
import { ANSWERING, drawMessages, statusLine } from "./messages.js";
import { appName } from "./people.js";
import { Scroller } from "./scroller.js";
import { threadKey } from "./state.js";

export class ThreadPane {
  constructor(root, actions) {
    this.root = root;
    this.actions = actions;
    this.where = el("p", { class: "topic" });
    this.list = el("div", {
      class: "messages",
      role: "log",
      "aria-label": "Thread",
      "aria-live": "off",
      tabindex: 0,
      "data-testid": "thread-messages",
    });
    this.scroller = new Scroller(this.list);
    this.composer = new Composer({
      label: "Reply in thread",
      prefix: "thread-",
      send: (text) => actions.reply(text),
      candidates: (token) => candidatesFor(token, actions.state()),
    });
    const close = el(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": "Close thread",
        "data-testid": "thread-close",
        onclick: () => actions.closeThread(),
      },
      icon("close"),
    );
    root.append(
      el(
        "header",
        { class: "channel-head" },
        el("div", { class: "channel-name" }, el("h2", {}, "Thread"), this.where),
        close,
      ),
      this.scroller.frame,
      this.composer.form,
    );
    root.addEventListener("keydown", ({ key }) => key === "Escape" && actions.closeThread());
  }

  render(state) {
    const { channel, thread } = state;
    this.root.hidden = !thread;
    if (!thread) return;
    const place = state.channels.get(channel);
    this.where.textContent = place?.kind === "im" ? appName(state) : `#${place?.name ?? ""}`;
    this.scroller.keep(`${state.me}/${channel}/${thread}`, () => this.#draw(state));
    this.composer.show(`${state.me}/${channel}/${thread}`, {
      placeholder: "Reply …",
      disabled: place?.member === false,
    });
  }

  #draw(state) {
    const { channel, thread } = state;
    const root = state.message(channel, thread);
    const replies = state.threads(channel).get(thread) ?? [];
    const status = state.statuses.get(threadKey(channel, thread));
    const doing = status ?? (replies.some((reply) => reply.streaming) && ANSWERING);
    const stop = () => this.actions.stop(channel, thread);
    const line = doing && { key: "status", signature: [doing, thread], build: () => statusLine(doing, state, stop) };
    const count = replies.filter((reply) => !reply.ephemeral).length;
    const divider = count > 0 && { key: "count", signature: [count], build: () => repliesDivider(count) };
    drawMessages(this.list, [root, ...replies].filter(Boolean), state, this.actions, {
      inThread: true,
      divider,
      after: line ? [line] : [],
    });
  }
}

function repliesDivider(count) {
  return el(
    "div",
    { class: "divider thread-divider" },
    el("span", {}, `${count} ${count === 1 ? "reply" : "replies"}`),
  );
}
