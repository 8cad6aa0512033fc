// Keeps a list at its newest message while the reader is there, and where they are reading otherwise.

import { el } from "./dom.js";

const NEAR = 80; // pixels from the end that count as "at the newest"

export class Scroller {
  constructor(list) {
    this.list = list;
    this.place = null;
    this.follows = true;
    this.jump = el(
      "button",
      { type: "button", class: "jump", "data-testid": "jump", hidden: true, onclick: () => this.toEnd() },
      "Jump to newest",
    );
    this.frame = el("div", { class: "scroll-frame" }, list, this.jump);
    list.addEventListener("scroll", () => this.#read(), { passive: true });
    new ResizeObserver(() => this.follows && this.toEnd()).observe(list);
  }

  #read() {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    this.follows = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.follows) this.jump.hidden = true;
  }

  /** Run `draw`, which changes the list; a new `place` begins at its newest message. */
  keep(place, draw) {
    const height = this.list.scrollHeight;
    if (place !== this.place) this.follows = true;
    this.place = place;
    draw();
    if (this.follows) this.toEnd();
    else if (this.list.scrollHeight > height) this.jump.hidden = false;
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
    this.follows = true;
    this.jump.hidden = true;
  }

  /** Bring one message into view and mark it for a moment. */
  reveal(ts) {
    const row = this.list.querySelector(`[data-ts="${CSS.escape(ts)}"]`);
    if (!row) return;
    this.follows = false;
    row.scrollIntoView({ block: "center" });
    row.classList.add("revealed");
    setTimeout(() => row.classList.remove("revealed"), 2500);
  }
}
