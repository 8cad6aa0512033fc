// Form elements of Block Kit: drawing them, reading their values as Slack sends them, and checking what a person must fill in.

import { el } from "./dom.js";
import { plainText, textObject } from "./text.js";

let serial = 0;
const nextId = (name) => `${name}-${(serial += 1)}`;

/** An `input` block: label, element, hint and a place for its error. */
export function inputBlock(block, context) {
  const { element } = block;
  const id = nextId("input");
  const grouped = FIELDS[element.type] === choices;
  const optional = block.optional && el("span", { class: "optional" }, " (optional)");
  const label = [plainText(block.label), optional];
  const field = Object.hasOwn(FIELDS, element.type)
    ? FIELDS[element.type](block, element, { ...context, id })
    : el("p", { class: "fallback" }, `An input of type “${element.type}” is not drawn here.`);
  const error = el("p", { class: "input-error", id: `${id}-error`, "data-testid": "input-error", hidden: true });
  const hint = block.hint && el("p", { class: "input-hint" }, plainText(block.hint));
  const frame = grouped
    ? el("fieldset", {}, el("legend", {}, label), field, hint, error)
    : el("div", {}, el("label", { for: id }, label), field, hint, error);
  frame.classList.add("input");
  Object.assign(frame.dataset, {
    blockId: block.block_id,
    actionId: element.action_id,
    type: element.type,
    testid: "input",
  });
  if (!block.optional) frame.dataset.required = "";
  return frame;
}

const FIELDS = {
  plain_text_input: textField,
  static_select: selectField,
  multi_static_select: choices,
  radio_buttons: choices,
  checkboxes: choices,
};

const optionsOf = (element) => element.options ?? (element.option_groups ?? []).flatMap((group) => group.options);

function textField(_block, element, { id }) {
  const attributes = {
    id,
    class: "field",
    "data-testid": "text-input",
    "aria-describedby": `${id}-error`,
    placeholder: plainText(element.placeholder),
    maxlength: element.max_length ?? 3000,
    autofocus: element.focus_on_load,
  };
  if (!element.multiline)
    return el("input", { ...attributes, type: "text", value: element.initial_value ?? "", autocomplete: "off" });
  const area = el("textarea", { ...attributes, rows: 4 });
  area.value = element.initial_value ?? "";
  return area;
}

function selectField(_block, element, { id, onchange }) {
  const initial = element.initial_option?.value;
  const options = optionsOf(element);
  const choose = el("option", { value: "" }, plainText(element.placeholder) || "Choose an option");
  const node = el(
    "select",
    { id, class: "field", "aria-describedby": `${id}-error`, "data-testid": "select", onchange },
    choose,
    options.map((option, i) =>
      el("option", { value: String(i), selected: option.value === initial }, plainText(option.text)),
    ),
  );
  node.optionsOfBlock = options;
  return node;
}

/** Radio buttons or checkboxes; a menu for several options is drawn as a list of checkboxes that scrolls. */
function choices(_block, element, { id, names, onchange }) {
  const radio = element.type === "radio_buttons";
  const initial = new Set(
    (radio ? [element.initial_option] : (element.initial_options ?? [])).filter(Boolean).map((option) => option.value),
  );
  const node = el(
    "div",
    {
      class: element.type === "multi_static_select" ? "choices choices-menu" : "choices",
      "aria-describedby": `${id}-error`,
    },
    optionsOf(element).map((option, i) => {
      const box = el("input", {
        type: radio ? "radio" : "checkbox",
        name: id,
        value: String(i),
        checked: initial.has(option.value),
        "data-value": option.value,
        onchange,
      });
      const description =
        option.description && el("span", { class: "description" }, textObject(option.description, names));
      return el("label", { class: "choice" }, box, el("span", {}, textObject(option.text, names), description));
    }),
  );
  node.optionsOfBlock = optionsOf(element);
  return node;
}

/** A select, radio group or checkbox group outside of an input block: it acts when it is changed. */
function acting(draw) {
  return (block, element, context) => {
    const node = draw(block, element, {
      ...context,
      id: nextId("control"),
      onchange: () => context.act(block, element, readField(node, element.type)),
    });
    node.setAttribute("aria-label", plainText(element.placeholder) || "Choose");
    node.dataset.actionId = element.action_id;
    return node;
  };
}

export const selectElement = acting(selectField);
export const choiceElement = acting(choices);

export function alertBlock(block, { names }) {
  const level = ["info", "warning", "error", "success"].includes(block.level) ? block.level : "info";
  return el("div", { class: `alert-${level}`, role: "note" }, textObject(block.text, names));
}

// -- values

function readField(field, type) {
  const picked = () =>
    [...field.querySelectorAll("input:checked")].map((box) => field.optionsOfBlock[Number(box.value)]);
  if (type === "plain_text_input") return { type, value: field.value === "" ? null : field.value };
  if (type === "checkboxes" || type === "multi_static_select") return { type, selected_options: picked() };
  if (type === "radio_buttons") return { type, selected_option: picked()[0] ?? null };
  return { type, selected_option: field.value === "" ? null : field.optionsOfBlock[Number(field.value)] };
}

const fieldOf = (input) => input.querySelector(".field, .choices");
const inputsOf = (form) => [...form.querySelectorAll(".input")].filter(fieldOf);

/** What a form holds, as `view.state.values` has it: {block_id: {action_id: {type, value | selected_option | selected_options}}}. */
export function formValues(form) {
  const values = {};
  for (const input of inputsOf(form)) {
    const { blockId, actionId, type } = input.dataset;
    (values[blockId] ??= {})[actionId] = readField(fieldOf(input), type);
  }
  return values;
}

const isEmpty = ({ value, selected_option: one, selected_options: many }) => !value?.trim() && !one && !many?.length;

/** {block_id: message} for required inputs that were left empty. */
export function missingValues(form) {
  const required = inputsOf(form).filter((input) => "required" in input.dataset);
  const missing = required.filter((input) => isEmpty(readField(fieldOf(input), input.dataset.type)));
  return Object.fromEntries(missing.map((input) => [input.dataset.blockId, "Please complete this required field."]));
}

/** Show {block_id: message} at the inputs and go to the first; returns what names no input of this form. */
export function showErrors(form, errors) {
  for (const input of inputsOf(form)) showError(input, errors[input.dataset.blockId]);
  const first = form.querySelector(".input.invalid");
  first?.querySelector("input, textarea, select")?.focus();
  const known = new Set(inputsOf(form).map((input) => input.dataset.blockId));
  return Object.entries(errors)
    .filter(([blockId]) => !known.has(blockId))
    .map(([, message]) => message);
}

function showError(input, message) {
  const place = input.querySelector(".input-error");
  place.textContent = message ?? "";
  place.hidden = !message;
  input.classList.toggle("invalid", Boolean(message));
  for (const field of input.querySelectorAll("input, textarea, select"))
    field.setAttribute("aria-invalid", String(Boolean(message)));
}

/** Carry over what a person has typed or picked when the app redraws a form, as Slack does for the same block and action. */
export function keepValues(from, to) {
  for (const input of inputsOf(to)) {
    const { blockId, actionId, type } = input.dataset;
    const old = inputsOf(from).find(
      ({ dataset }) => dataset.blockId === blockId && dataset.actionId === actionId && dataset.type === type,
    );
    if (old) copyField(fieldOf(old), fieldOf(input), type);
  }
}

function copyField(old, field, type) {
  if (type === "plain_text_input") field.value = old.value;
  else if (type === "static_select") field.value = selectedIndex(old, field);
  else {
    const picked = new Set([...old.querySelectorAll("input:checked")].map((box) => box.dataset.value));
    for (const box of field.querySelectorAll("input")) box.checked = picked.has(box.dataset.value);
  }
}

function selectedIndex(old, field) {
  const value = old.optionsOfBlock[Number(old.value)]?.value;
  const index = old.value === "" ? -1 : field.optionsOfBlock.findIndex((option) => option.value === value);
  return index < 0 ? "" : String(index);
}
