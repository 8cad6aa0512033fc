// The box where a person writes: Enter sends, Shift+Enter breaks the line, @, # and / are completed from the keyboard.

import { el, icon } from "./dom.js";

const TALLEST = 220; // pixels; beyond that the text scrolls
const MOST = 8; // suggestions shown at once

export class Composer {
  /** `send(text)` returns a promise; when it fails, the text comes back. `prefix` names the test hooks. */
  constructor({ label, prefix = "", send, candidates }) {
    this.send = send;
    this.candidates = candidates;
    this.options = [];
    this.drafts = new Map();
    this.place = null;
    this.#build(label, prefix);
  }

  #build(label, prefix) {
    const listId = `${prefix}completions`;
    this.area = el("textarea", {
      rows: 1,
      "aria-label": label,
      "data-testid": `${prefix}composer`,
      "aria-autocomplete": "list",
      "aria-haspopup": "listbox",
      "aria-controls": listId,
      autocomplete: "off",
      onkeydown: (event) => this.#key(event),
      oninput: () => this.#changed(),
      onclick: () => this.#complete(),
      onblur: () => this.#show([]),
    });
    this.list = el("ul", {
      class: "completions",
      role: "listbox",
      id: listId,
      "aria-label": "Suggestions",
      "data-testid": `${prefix}completions`,
      hidden: true,
    });
    this.button = el(
      "button",
      {
        type: "submit",
        class: "send",
        "aria-label": "Send",
        title: "Send",
        "data-testid": `${prefix}send`,
        disabled: true,
      },
      icon("send"),
    );
    this.note = el("p", {
      class: "composer-note",
      role: "alert",
      "data-testid": `${prefix}composer-note`,
      hidden: true,
    });
    const submit = (event) => {
      event.preventDefault();
      this.#submit();
    };
    this.form = el(
      "form",
      { class: "composer", onsubmit: submit },
      this.list,
      this.note,
      el("div", { class: "composer-box" }, this.area, this.button),
    );
  }

  /** Show the draft of another channel or thread. */
  show(place, { placeholder, disabled = false }) {
    this.area.placeholder = placeholder;
    this.area.disabled = disabled;
    if (place === this.place) return;
    this.drafts.set(this.place, this.area.value);
    this.place = place;
    this.fill(this.drafts.get(place) ?? "");
    this.say("");
  }

  fill(text) {
    this.area.value = text;
    this.#changed();
  }

  focus() {
    this.area.focus({ preventScroll: true });
  }

  /** A sentence above the box, until the person goes on writing. */
  say(sentence) {
    this.note.textContent = sentence;
    this.note.hidden = !sentence;
  }

  async #submit() {
    const { value: text } = this.area;
    const { place } = this;
    if (!text.trim() || this.area.disabled) return;
    this.fill("");
    try {
      await this.send(text);
    } catch (error) {
      if (this.place === place && !this.area.value) this.fill(text);
      this.say(error.message);
    }
  }

  #changed() {
    this.area.style.height = "auto";
    this.area.style.height = `${Math.min(this.area.scrollHeight, TALLEST)}px`;
    this.button.disabled = !this.area.value.trim();
    this.say("");
    this.#complete();
  }

  #key(event) {
    if (event.isComposing) return;
    const handled = this.options.length ? this.#listKey(event) : false;
    if (handled) event.preventDefault();
    else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    }
    if (handled && event.key === "Escape") event.stopPropagation();
  }

  #listKey({ key, shiftKey }) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (key in steps) this.#highlight((this.current + steps[key] + this.options.length) % this.options.length);
    else if (key === "Escape") this.#show([]);
    else if (key === "Tab" && !shiftKey) this.#accept(this.current);
    else if (key === "Enter" && !shiftKey && !this.#isWhole()) this.#accept(this.current);
    else return false;
    return true;
  }

  /** Has the person typed the suggestion out already? Then Enter sends. */
  #isWhole = () => this.token.toLowerCase() === this.options[this.current].insert.toLowerCase();

  #complete() {
    const before = this.area.value.slice(0, this.area.selectionStart);
    const match = /^(\/[\w-]*)$/u.exec(before) ?? /(?:^|[\s(])([@#][\p{L}\p{N}\p{M}._-]*)$/u.exec(before);
    this.token = match?.[1] ?? "";
    const focused = document.activeElement === this.area;
    this.#show(match && focused ? this.candidates(this.token).slice(0, MOST) : []);
  }

  #show(options) {
    this.options = options;
    this.list.replaceChildren(...options.map((option, i) => this.#option(option, i)));
    this.list.hidden = options.length === 0;
    if (options.length) this.#highlight(0);
    else this.area.removeAttribute("aria-activedescendant");
  }

  #option({ insert, title, detail }, i) {
    const pick = (event) => {
      event.preventDefault(); // keeps the text field focused
      this.#accept(i);
    };
    return el(
      "li",
      {
        role: "option",
        id: `${this.list.id}-${i}`,
        "data-testid": "completion",
        "data-insert": insert,
        onmousedown: pick,
      },
      el("strong", {}, title),
      el("span", {}, detail),
    );
  }

  #highlight(index) {
    this.current = index;
    [...this.list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === index)));
    this.list.children[index].scrollIntoView({ block: "nearest" });
    this.area.setAttribute("aria-activedescendant", this.list.children[index].id);
  }

  #accept(index) {
    const { insert } = this.options[index];
    const end = this.area.selectionStart;
    this.area.setRangeText(`${insert} `, end - this.token.length, end, "end");
    this.#changed();
  }
}

/** What `@`, `#` and `/` can become for one person, best first. */
export function candidatesFor(token, state) {
  const typed = token.slice(1).toLowerCase();
  if (token[0] === "/")
    return matching(typed, state.commands, (command) => [command.command.slice(1)]).map((command) => ({
      insert: command.command,
      title: `${command.command} ${command.usage_hint ?? ""}`,
      detail: command.description ?? "",
    }));
  if (token[0] === "#")
    return matching(
      typed,
      [...state.channels.values()].filter(({ kind }) => kind !== "im"),
      ({ name }) => [name],
    ).map(({ name, topic }) => ({ insert: `#${name}`, title: `#${name}`, detail: topic ?? "" }));
  const people = [...state.users.values()].sort(
    (a, b) => Number(b.id === state.app.user_id) - Number(a.id === state.app.user_id),
  );
  return matching(typed, people, (user) => [user.name, user.real_name ?? ""]).map((user) => ({
    insert: `@${user.name}`,
    title: `@${user.name}`,
    detail: user.id === state.app.user_id ? "App" : (user.real_name ?? ""),
  }));
}

function matching(typed, things, namesOf) {
  const begins = (name) =>
    name
      .toLowerCase()
      .split(/\s+/)
      .some((word) => word.startsWith(typed));
  return things.filter((thing) => namesOf(thing).some(begins));
}
