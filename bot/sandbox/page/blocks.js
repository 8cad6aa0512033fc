// Block Kit → DOM. Pure: blocks and a context in, elements out; what a click does is the context's `act`.
//
// The context is {names, act(block, element, action) → promise of whether the app took it, pressed: Map of feedback already given here}.

import { el, icon, link, safeUrl } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { alertBlock, inputBlock, selectElement, choiceElement } from "./inputs.js";
import { renderMarkdown } from "./markdown.js";
import { channelBadge, personBadge, specialBadge } from "./mrkdwn.js";
import { plainText, textObject } from "./text.js";

export function renderBlocks(blocks, context) {
  return el(
    "div",
    { class: "blocks" },
    blocks.map((block) => renderBlock(block, context)),
  );
}

export function renderBlock(block, context) {
  const draw = Object.hasOwn(BLOCKS, block.type) ? BLOCKS[block.type] : unknownBlock;
  const node = draw(block, context);
  node.classList.add("block", `block-${/^[a-z_]+$/.test(block.type) ? block.type : "unknown"}`);
  if (block.block_id) node.dataset.blockId = block.block_id;
  return node;
}

const BLOCKS = {
  header: (block) => el("h3", {}, plainText(block.text)),
  section: sectionBlock,
  markdown: (block, { names }) => el("div", { class: "markdown" }, renderMarkdown(block.text ?? "", names)),
  context: (block, context) =>
    el(
      "div",
      {},
      (block.elements ?? []).map((element) => contextElement(element, context)),
    ),
  actions: (block, context) =>
    el(
      "div",
      {},
      (block.elements ?? []).map((element) => control(block, element, context)),
    ),
  context_actions: (block, context) =>
    el(
      "div",
      {},
      (block.elements ?? []).map((element) => control(block, element, context)),
    ),
  divider: () => el("hr"),
  input: inputBlock,
  alert: alertBlock,
  image: (block) => el("div", {}, imageLink(block)),
  plan: (block) => el("p", {}, el("strong", {}, block.title)),
  task_card: taskCard,
  rich_text: (block, { names }) =>
    el(
      "div",
      {},
      (block.elements ?? []).map((element) => richElement(element, names)),
    ),
};

const unknownBlock = (block) => el("p", { class: "fallback" }, `A block of type “${block.type}” is not drawn here.`);

function sectionBlock(block, context) {
  const body = el("div", { class: "section-body" });
  if (block.text) body.append(el("div", { class: "mrkdwn" }, textObject(block.text, context.names)));
  if (block.fields)
    body.append(
      el(
        "div",
        { class: "fields" },
        block.fields.map((field) => el("div", { class: "mrkdwn" }, textObject(field, context.names))),
      ),
    );
  return el(
    "div",
    {},
    body,
    block.accessory && el("div", { class: "accessory" }, control(block, block.accessory, context)),
  );
}

const TASK_MARKS = { pending: "○", in_progress: "◐", complete: "✓", error: "✕" };

/** A step that the app reports while it writes, with what it found. */
function taskCard({ status, title, sources = [] }) {
  return el(
    "p",
    {},
    `${TASK_MARKS[status] ?? "○"} ${title}`,
    sources.map(({ url, text }) => [" · ", link(url, text || url)]),
  );
}

function contextElement(element, { names }) {
  return element.type === "image" ? imageLink(element) : el("span", { class: "mrkdwn" }, textObject(element, names));
}

/** Images are named, not fetched: the page contacts nobody but its own server. */
function imageLink(image) {
  const label = plainText(image.title) || image.alt_text || "image";
  return el("span", { class: "image-fallback" }, "Image: ", image.image_url ? link(image.image_url, label) : label);
}

// -- controls

const CONTROLS = {
  button: buttonControl,
  feedback_buttons: feedbackControl,
  icon_button: iconButton,
  static_select: selectElement,
  multi_static_select: choiceElement,
  radio_buttons: choiceElement,
  checkboxes: choiceElement,
  image: (_block, element) => imageLink(element),
};

function control(block, element, context) {
  const draw = Object.hasOwn(CONTROLS, element.type) ? CONTROLS[element.type] : unknownBlock;
  return draw === unknownBlock ? unknownBlock(element) : draw(block, element, context);
}

function buttonControl(block, element, context) {
  const style = ["primary", "danger"].includes(element.style) ? ` button-${element.style}` : "";
  const attributes = {
    class: `button${style}`,
    "data-action-id": element.action_id,
    "aria-label": element.accessibility_label,
    "data-testid": "block-button",
  };
  const press = (event) =>
    pressing(
      event.currentTarget,
      context.act(block, element, { type: "button", text: element.text, value: element.value, style: element.style }),
    );
  if (element.url && safeUrl(element.url)) {
    return el(
      "a",
      { ...attributes, href: element.url, target: "_blank", rel: "noopener noreferrer", onclick: press },
      plainText(element.text),
    );
  }
  return el("button", { ...attributes, type: "button", onclick: press }, plainText(element.text));
}

/** Keep a control from being pressed again until what it did has been taken by the server. */
async function pressing(node, done) {
  node.setAttribute("aria-busy", "true");
  try {
    return await done;
  } finally {
    node.removeAttribute("aria-busy");
  }
}

function feedbackControl(block, element, context) {
  const key = `${block.block_id}/${element.action_id}`;
  const side = (button, name) => {
    const press = async (event) => {
      const group = event.currentTarget.parentElement;
      const taken = await pressing(
        event.currentTarget,
        context.act(block, element, { type: "feedback_buttons", text: button.text, value: button.value }),
      );
      if (!taken) return;
      context.pressed?.set(key, button.value);
      for (const other of group.children)
        other.setAttribute("aria-pressed", String(other.dataset.value === button.value));
    };
    const label = button.accessibility_label ?? plainText(button.text);
    const attributes = {
      type: "button",
      class: "feedback",
      title: plainText(button.text),
      "aria-label": label,
      "data-value": button.value,
    };
    const pressed = String(context.pressed?.get(key) === button.value);
    return el(
      "button",
      {
        ...attributes,
        "data-testid": `feedback-${name}`,
        "data-action-id": element.action_id,
        "aria-pressed": pressed,
        onclick: press,
      },
      icon(name),
    );
  };
  return el(
    "div",
    { class: "feedback-buttons", role: "group", "aria-label": "Was this answer good?" },
    side(element.positive_button, "up"),
    side(element.negative_button, "down"),
  );
}

function iconButton(block, element, context) {
  const press = (event) =>
    pressing(
      event.currentTarget,
      context.act(block, element, { type: "icon_button", text: element.text, value: element.value }),
    );
  const label = element.accessibility_label ?? plainText(element.text);
  return el(
    "button",
    {
      type: "button",
      class: "feedback",
      "aria-label": label,
      title: label,
      "data-action-id": element.action_id,
      onclick: press,
    },
    icon("trash"),
  );
}

// -- rich text (what Slack makes of a person's message)

function richElement(element, names) {
  const children = () => (element.elements ?? []).map((child) => richInline(child, names));
  if (element.type === "rich_text_preformatted") return el("pre", { class: "fence" }, el("code", {}, children()));
  if (element.type === "rich_text_quote") return el("blockquote", {}, children());
  if (element.type === "rich_text_list") {
    const items = (element.elements ?? []).map((item) => el("li", {}, richElement(item, names)));
    return el(element.style === "ordered" ? "ol" : "ul", {}, items);
  }
  return el("div", { class: "rich-line" }, children());
}

const RICH_STYLES = { bold: "strong", italic: "em", strike: "s", code: "code" };

const RICH_INLINE = {
  text: (piece) =>
    el(
      "span",
      {},
      piece.text.split("\n").flatMap((line, i) => (i ? [el("br"), line] : [line])),
    ),
  link: (piece) => link(piece.url, piece.text || piece.url),
  user: (piece, names) => personBadge(piece.user_id, names),
  usergroup: (piece) => specialBadge(`subteam^${piece.usergroup_id}`),
  channel: (piece, names) => channelBadge(piece.channel_id, null, names),
  broadcast: (piece) => specialBadge(piece.range),
  emoji: (piece) => el("span", {}, withEmoji(`:${piece.name}:`)),
};

function richInline(piece, names) {
  const draw = Object.hasOwn(RICH_INLINE, piece.type)
    ? RICH_INLINE[piece.type]
    : () => el("span", {}, piece.text ?? "");
  const styles = Object.keys(RICH_STYLES).filter((style) => piece.style?.[style]);
  return styles.reduce((node, style) => el(RICH_STYLES[style], {}, node), draw(piece, names));
}
