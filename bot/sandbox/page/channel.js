// The middle of the page: one channel or direct message with its messages, notices, suggestions and composer.

import { Composer, candidatesFor } from "./composer.js";
import { el, icon, reconcile } from "./dom.js";
import { drawMessages, statusLine } from "./messages.js";
import { appName } from "./people.js";
import { Scroller } from "./scroller.js";

export class ChannelPane {
  constructor(root, actions, { home }) {
    this.actions = actions;
    this.home = home;
    this.title = el("h1", { tabindex: -1 });
    this.topic = el("p", { class: "topic" });
    this.tabs = el("div", { class: "tabs", role: "tablist", "aria-label": "App" });
    this.list = el("div", {
      class: "messages",
      role: "log",
      "aria-label": "Messages",
      "aria-live": "off",
      tabindex: 0,
      "data-testid": "messages",
    });
    this.scroller = new Scroller(this.list);
    this.notices = el("div", { class: "notices", "aria-live": "polite" });
    this.composer = new Composer({
      label: "Message",
      send: (text) => actions.send(text),
      candidates: (token) => candidatesFor(token, actions.state()),
    });
    this.talk = el("div", { class: "talk", id: "panel-messages" }, this.scroller.frame, this.composer.form);
    root.append(
      el(
        "header",
        { class: "channel-head" },
        el(
          "button",
          {
            type: "button",
            class: "icon-button only-narrow",
            "aria-label": "Open menu",
            "data-testid": "menu",
            onclick: () => actions.menu(true),
          },
          icon("menu"),
        ),
        el("div", { class: "channel-name" }, this.title, this.topic),
        this.tabs,
      ),
      this.notices,
      this.talk,
      home.element,
    );
  }

  render(state) {
    const channel = state.channels.get(state.channel);
    if (!channel) return;
    const onHome = channel.kind === "im" && state.tab === "home";
    this.#head(channel, state);
    this.#notices(channel, state);
    this.talk.hidden = onHome;
    this.talk.role = channel.kind === "im" ? "tabpanel" : null;
    this.talk.ariaLabel = channel.kind === "im" ? "Messages" : null;
    this.home.element.hidden = !onHome;
    if (!onHome) this.#talk(channel, state);
  }

  #head(channel, state) {
    const im = channel.kind === "im";
    const mark = im ? null : icon(channel.private ? "lock" : "hash");
    reconcile(this.title, [
      {
        key: "title",
        signature: [channel.id, state.app.name],
        build: () => el("span", {}, mark, im ? appName(state) : channel.name),
      },
    ]);
    this.topic.textContent = im ? state.app.description : (channel.topic ?? "");
    const tabs = im
      ? [
          ["home", "Home"],
          ["messages", "Messages"],
        ]
      : [];
    reconcile(
      this.tabs,
      tabs.map(([tab, label]) => ({
        key: tab,
        signature: [state.tab === tab],
        build: () => this.#tab(tab, label, state.tab === tab),
      })),
    );
    this.tabs.hidden = !im;
  }

  #tab(tab, label, selected) {
    const keys = ({ key, currentTarget }) => {
      const step = { ArrowLeft: "previousSibling", ArrowRight: "nextSibling" }[key];
      if (step) currentTarget[step]?.click();
    };
    return el(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${tab}`,
        "aria-controls": `panel-${tab}`,
        "aria-selected": String(selected),
        tabindex: selected ? 0 : -1,
        "data-testid": `${tab}-tab`,
        onclick: () => this.actions.openTab(tab),
        onkeydown: keys,
      },
      label,
    );
  }

  #notices(channel, state) {
    const name = appName(state);
    const notices = [
      !state.online && ["offline", "warn", "The connection to the sandbox was lost. Reconnecting …"],
      state.online &&
        !state.connected && ["no-app", "warn", `${name} is not running: nobody will answer until it connects.`],
      channel.shared && ["shared", "globe", "This channel is shared with people outside the workspace."],
      channel.bot_member === false &&
        channel.kind !== "im" && ["not-in", "warn", `${name} is not a member of this channel.`],
    ].filter(Boolean);
    reconcile(
      this.notices,
      notices.map(([key, mark, text]) => ({
        key,
        signature: [text],
        build: () => el("p", { class: `notice notice-${key}`, "data-testid": `notice-${key}` }, icon(mark), text),
      })),
    );
  }

  #talk(channel, state) {
    const messages = state.topLevel(channel.id);
    const draw = () =>
      drawMessages(this.list, messages, state, this.actions, {
        before: [this.#intro(channel, state)],
        after: this.#after(channel, messages, state),
      });
    this.scroller.keep(`${state.me}/${channel.id}`, draw);
    const name = channel.kind === "im" ? appName(state) : `#${channel.name}`;
    const placeholder = channel.member === false ? `You are not a member of ${name}` : `Message ${name}`;
    this.composer.show(`${state.me}/${channel.id}`, { placeholder, disabled: channel.member === false });
  }

  #intro(channel, state) {
    const im = channel.kind === "im";
    const text = im
      ? `This is your direct message with ${appName(state)}. Only you can see it.`
      : `This is the beginning of #${channel.name}. Mention @${state.app.name} to ask a question.`;
    return {
      key: "intro",
      signature: [text],
      build: () =>
        el(
          "div",
          { class: "intro" },
          el("p", { class: "intro-name" }, im ? appName(state) : `#${channel.name}`),
          el("p", {}, text),
        ),
    };
  }

  #after(channel, messages, state) {
    const status = state.statuses.get(channel.id);
    const asked = messages.some((message) => message.user === state.me);
    const offer = offersFor(channel, state);
    return [
      status && { key: "status", signature: [status], build: () => statusLine(status, state) },
      !asked &&
        offer.prompts.length > 0 &&
        state.loaded.has(channel.id) && {
          key: "suggestions",
          signature: [JSON.stringify(offer)],
          build: () => this.#suggestions(offer),
        },
    ].filter(Boolean);
  }

  #suggestions({ title, prompts }) {
    return el(
      "section",
      { class: "suggestions", "aria-label": title },
      el("p", {}, title),
      prompts.map(({ label, text }) =>
        el(
          "button",
          {
            type: "button",
            class: "suggestion",
            "data-testid": "suggestion",
            onclick: () => this.actions.send(text).catch((error) => this.composer.say(error.message)),
          },
          label,
        ),
      ),
    );
  }
}

/** Questions to click on: what the app has set for a direct message, otherwise the demo's own. */
function offersFor(channel, state) {
  const im = channel.kind === "im";
  const own = state.prompts.get(channel.id);
  if (own)
    return {
      title: own.title || "Try asking",
      prompts: own.prompts.map(({ title, message }) => ({ label: title, text: message })),
    };
  const able = im || (channel.member !== false && channel.bot_member !== false && !channel.shared);
  return {
    title: "Try asking",
    prompts: able
      ? state.suggestions.map((question) => ({
          label: question,
          text: im ? question : `@${state.app.name} ${question}`,
        }))
      : [],
  };
}
