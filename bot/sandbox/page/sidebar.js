// The left bar: workspace, channels, the direct message with the app, and who the page plays.

import { el, icon, reconcile } from "./dom.js";
import { appName, avatar } from "./people.js";

export class Sidebar {
  constructor(root, actions) {
    this.actions = actions;
    this.team = el("p", { class: "team", "data-testid": "team" });
    this.channels = el("ul", { "aria-label": "Channels" });
    this.apps = el("ul", { "aria-label": "Apps" });
    this.switcher = el("select", {
      id: "person",
      "data-testid": "person-switcher",
      onchange: () => actions.switchTo(this.switcher.value),
    });
    this.face = el("span", { class: "face" });
    root.append(
      el(
        "div",
        { class: "team-head" },
        this.team,
        el(
          "button",
          {
            type: "button",
            class: "icon-button only-narrow",
            "aria-label": "Close menu",
            onclick: () => actions.menu(false),
          },
          icon("close"),
        ),
      ),
      el(
        "nav",
        { "aria-label": "Conversations" },
        el("h2", {}, "Channels"),
        this.channels,
        el("h2", {}, "Apps"),
        this.apps,
      ),
      el(
        "div",
        { class: "person" },
        this.face,
        el("div", {}, el("label", { for: "person" }, "You are"), this.switcher),
      ),
    );
  }

  render(state) {
    this.team.textContent = state.team.name;
    const channels = [...state.channels.values()];
    reconcile(
      this.channels,
      channels.filter(({ kind }) => kind !== "im").map((channel) => this.#entry(channel, state)),
    );
    reconcile(
      this.apps,
      channels.filter(({ kind }) => kind === "im").map((channel) => this.#entry(channel, state)),
    );
    this.#people(state);
  }

  #entry(channel, state) {
    const current = channel.id === state.channel;
    const unread = state.unread.get(channel.id);
    return {
      key: channel.id,
      signature: [current, unread?.count, unread?.mention, channel.name, state.app.name],
      build: () => this.#link(channel, state, current, unread),
    };
  }

  #link(channel, state, current, unread) {
    const im = channel.kind === "im";
    const name = im ? appName(state) : channel.name;
    const mark = im
      ? avatar(state, state.app.user_id, { small: true })
      : icon(channel.private ? "lock" : channel.shared ? "globe" : "hash");
    const go = (event) => {
      if (event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      this.actions.openChannel(channel.id);
    };
    const attributes = {
      "data-testid": "channel-link",
      "data-channel": channel.id,
      "data-kind": channel.kind,
      "aria-current": current && "page",
      "data-unread": Boolean(unread),
    };
    return el(
      "li",
      {},
      el(
        "a",
        { ...attributes, class: unread ? "unread" : "", href: `#as=${state.me}&channel=${channel.id}`, onclick: go },
        mark,
        el("span", { class: "name" }, name),
        unread &&
          el(
            "span",
            { class: unread.mention ? "count count-mention" : "count" },
            unread.count,
            el("span", { class: "visually-hidden" }, " unread"),
          ),
      ),
    );
  }

  #people(state) {
    const people = [...state.users.values()].filter((user) => !user.bot);
    const signature = [state.me, ...people.map((user) => user.id)];
    reconcile(this.face, [{ key: "face", signature: [state.me, state.ready], build: () => avatar(state, state.me) }]);
    reconcile(
      this.switcher,
      people.map((user) => ({
        key: user.id,
        signature,
        build: () =>
          el(
            "option",
            { value: user.id, selected: user.id === state.me },
            `${user.real_name || user.name}${user.admin ? " (admin)" : ""}`,
          ),
      })),
    );
    this.switcher.value = state.me;
  }
}
