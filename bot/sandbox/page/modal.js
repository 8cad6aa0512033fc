// Modals of the app (a stack of up to three) and the page's own questions ("Delete message?"), on native dialogs.

import { renderBlocks } from "./blocks.js";
import { el, focusable, icon } from "./dom.js";
import { formValues, keepValues, missingValues, showErrors } from "./inputs.js";
import { appName, avatar } from "./people.js";
import { plainText, textObject } from "./text.js";

/** Tab goes round inside of a dialog and never out of it. */
function trapFocus(dialog) {
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") return;
    const nodes = focusable(dialog);
    const [edge, other] = event.shiftKey ? [nodes[0], nodes.at(-1)] : [nodes.at(-1), nodes[0]];
    if (document.activeElement !== edge && dialog.contains(document.activeElement)) return;
    event.preventDefault();
    other?.focus();
  });
}

export class ModalStack {
  #forms = new Map(); // view id → {view, form}

  constructor(root, actions) {
    this.actions = actions;
    this.dialog = el("dialog", {
      class: "modal",
      "data-testid": "modal",
      "aria-labelledby": "modal-title",
      oncancel: (event) => this.#cancelled(event),
    });
    trapFocus(this.dialog);
    root.append(this.dialog);
  }

  render(state) {
    for (const id of this.#forms.keys()) if (!state.views.some((view) => view.id === id)) this.#forms.delete(id);
    const view = state.views.at(-1);
    this.view = view;
    if (!view) return this.dialog.close();
    const form = this.#form(view, state);
    if (this.dialog.firstChild !== form) this.dialog.replaceChildren(form);
    if (!this.dialog.open) this.dialog.showModal();
    this.#focusFirst(form);
  }

  #form(view, state) {
    const old = this.#forms.get(view.id);
    if (old?.view === view) return old.form;
    const form = this.#build(view, state);
    if (old) keepValues(old.form, form);
    this.#forms.set(view.id, { view, form });
    return form;
  }

  #focusFirst(form) {
    if (form.contains(document.activeElement)) return;
    (
      form.querySelector("[autofocus]") ??
      focusable(form.querySelector(".modal-body"))[0] ??
      focusable(form)[0]
    )?.focus();
  }

  #build(view, state) {
    const context = {
      names: state.names,
      act: (block, element, action) => this.actions.actInView(view, block, element, action),
    };
    const error = el("p", { class: "form-error", role: "alert", "data-testid": "modal-error", hidden: true });
    const submit =
      view.submit &&
      el(
        "button",
        { type: "submit", class: "button button-primary", "data-testid": "modal-submit" },
        plainText(view.submit),
      );
    const close = el(
      "button",
      { type: "button", class: "button", "data-testid": "modal-close", onclick: () => this.actions.closeView(view) },
      plainText(view.close) || "Close",
    );
    const form = el(
      "form",
      {
        novalidate: true,
        "data-callback-id": view.callback_id,
        onsubmit: (event) => this.#submitted(event, view, form, error),
      },
      el(
        "header",
        { class: "modal-head" },
        avatar(state, state.app.user_id),
        el("h2", { id: "modal-title" }, plainText(view.title) || appName(state)),
        el(
          "button",
          { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => this.actions.closeView(view) },
          icon("close"),
        ),
      ),
      el("div", { class: "modal-body" }, renderBlocks(view.blocks ?? [], context), error),
      el("footer", { class: "modal-foot" }, close, submit),
    );
    return form;
  }

  #cancelled(event) {
    event.preventDefault();
    if (this.view) this.actions.closeView(this.view);
  }

  async #submitted(event, view, form, error) {
    event.preventDefault();
    if (form.getAttribute("aria-busy") === "true") return;
    const missing = missingValues(form);
    const errors = Object.keys(missing).length ? missing : await this.#send(view, form);
    const homeless = showErrors(form, errors);
    error.textContent = homeless.join(" ");
    error.hidden = homeless.length === 0;
  }

  async #send(view, form) {
    form.setAttribute("aria-busy", "true");
    try {
      return (await this.actions.submitView(view, formValues(form))) ?? {};
    } catch (problem) {
      return { "": problem.message };
    } finally {
      form.removeAttribute("aria-busy");
    }
  }
}

/** Ask the person; `object` is a confirm object of Block Kit. Resolves to true when they agree. */
export function confirmed(object, names) {
  return new Promise((resolve) => {
    const answer = (value) => {
      dialog.close();
      dialog.remove();
      resolve(value);
    };
    const style = object.style === "danger" ? "button-danger" : "button-primary";
    const dialog = el(
      "dialog",
      {
        class: "modal confirm",
        "data-testid": "confirm",
        "aria-labelledby": "confirm-title",
        oncancel: () => answer(false),
      },
      el("header", { class: "modal-head" }, el("h2", { id: "confirm-title" }, plainText(object.title))),
      el("div", { class: "modal-body" }, textObject(object.text, names)),
      el(
        "footer",
        { class: "modal-foot" },
        el(
          "button",
          { type: "button", class: "button", "data-testid": "confirm-deny", onclick: () => answer(false) },
          plainText(object.deny) || "Cancel",
        ),
        el(
          "button",
          { type: "button", class: `button ${style}`, "data-testid": "confirm-agree", onclick: () => answer(true) },
          plainText(object.confirm) || "Yes",
        ),
      ),
    );
    trapFocus(dialog);
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("footer .button:last-child").focus();
  });
}
