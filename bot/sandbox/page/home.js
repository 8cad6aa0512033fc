// The app's Home tab: the view that the app has published for this person.

import { renderBlocks } from "./blocks.js";
import { el, reconcile } from "./dom.js";
import { appName } from "./people.js";

export class HomePane {
  constructor(actions) {
    this.actions = actions;
    this.element = el("div", {
      class: "home",
      id: "panel-home",
      role: "tabpanel",
      "aria-labelledby": "tab-home",
      tabindex: 0,
      "data-testid": "home",
      hidden: true,
    });
  }

  render(state) {
    const { home } = state;
    const build = () =>
      home
        ? renderBlocks(home.blocks ?? [], this.#context(home, state))
        : el("p", { class: "empty" }, `${appName(state)} has not published a Home tab for you yet.`);
    reconcile(this.element, [{ key: "home", signature: [home, state.names.me], build }]);
  }

  #context(home, state) {
    return {
      names: state.names,
      act: (block, element, action) => this.actions.actInView(home, block, element, action),
    };
  }
}
