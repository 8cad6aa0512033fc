// Slack's own text format (mrkdwn, with <…> entities) → DOM. Pure: text and names in, a fragment out.

import { el, link, safeUrl } from "./dom.js";
import { emojiAt } from "./emoji.js";

const STYLES = { "*": "strong", _: "em", "~": "s" };
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const DEEPEST = 12; // nested styles; deeper text stays as written

export const unescapeEntities = (text) => text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);

/** Draw mrkdwn; `names` knows users, channels and who is looking (see state.js). */
export function renderMrkdwn(text, names) {
  const fragment = document.createDocumentFragment();
  text.split(/\n?```([\s\S]*?)```\n?/).forEach((part, i) => {
    if (i % 2)
      fragment.append(el("pre", { class: "fence" }, el("code", {}, unescapeEntities(part.replace(/^\n|\n$/g, "")))));
    else if (part) fragment.append(...quotesAndLines(part, names));
  });
  return fragment;
}

function quotesAndLines(text, names) {
  const [before, ...rest] = text.split(/^(?:&gt;|>){3} ?/m);
  const groups = groupLines(before.split("\n"));
  if (rest.length) groups.push({ quoted: true, lines: rest.join("").split("\n") });
  return groups.map(({ quoted, lines }) => {
    const nodes = inline(lines.join("\n"), names);
    return quoted ? el("blockquote", {}, nodes) : el("span", {}, nodes);
  });
}

function groupLines(lines) {
  const groups = [];
  for (const line of lines) {
    const match = /^(?:&gt;|>) ?(.*)$/.exec(line);
    const last = groups.at(-1);
    if (last && last.quoted === Boolean(match)) last.lines.push(match ? match[1] : line);
    else groups.push({ quoted: Boolean(match), lines: [match ? match[1] : line] });
  }
  return groups.filter(({ quoted, lines }) => quoted || lines.length > 1 || lines[0] !== "" || groups.length === 1);
}

/** Text without line structure → nodes: entities, styles, code, emoji, bare addresses. */
export function inline(text, names, depth = 0) {
  const nodes = [];
  let plain = "";
  const flush = () => {
    if (plain) nodes.push(document.createTextNode(unescapeEntities(plain)));
    plain = "";
  };
  for (let i = 0; i < text.length;) {
    const found = tokenAt(text, i, names, depth);
    if (found) {
      flush();
      nodes.push(found.node);
      i += found.length;
    } else plain += text[i++];
  }
  flush();
  return nodes;
}

function tokenAt(text, i, names, depth) {
  const char = text[i];
  if (char === "\n") return { node: el("br"), length: 1 };
  if (char === "<") return entityAt(text, i, names);
  if (char === "`") return codeAt(text, i);
  if (char === ":") return emojiNodeAt(text, i);
  if (char in STYLES && depth < DEEPEST) return styleAt(text, i, names, depth);
  if (char === "h") return bareUrlAt(text, i);
  return null;
}

function emojiNodeAt(text, i) {
  const found = emojiAt(text, i);
  return found && { node: document.createTextNode(found.emoji), length: found.length };
}

function codeAt(text, i) {
  const match = /^`([^`\n]+)`/.exec(text.slice(i, i + 2000));
  return match && { node: el("code", {}, unescapeEntities(match[1])), length: match[0].length };
}

function styleAt(text, i, names, depth) {
  const mark = text[i];
  const doubled = text[i + 1] === mark || text[i - 1] === mark;
  if (doubled || (i > 0 && /[\p{L}\p{N}]/u.test(text[i - 1]))) return null;
  const line = text.slice(i + 1).split("\n", 1)[0];
  for (let end = line.indexOf(mark); end !== -1; end = line.indexOf(mark, end + 1)) {
    const inside = line.slice(0, end);
    const fits = inside.trim() && !/^\s|\s$/.test(inside) && !/^[\p{L}\p{N}]/u.test(line.slice(end + 1));
    if (fits) return { node: el(STYLES[mark], {}, inline(inside, names, depth + 1)), length: end + 2 };
  }
  return null;
}

/** A bare http(s) address at `i`, without the punctuation that ends a sentence, or null. */
export function bareUrlAt(text, i) {
  if (i > 0 && /[\p{L}\p{N}]/u.test(text[i - 1])) return null;
  const match = /^https?:\/\/[^\s<>|`"]+/.exec(text.slice(i, i + 2000));
  if (!match) return null;
  let address = match[0].replace(/[.,;:!?*_~'\]]+$/, "");
  if (address.endsWith(")") && !address.includes("(")) address = address.slice(0, -1);
  return { node: link(unescapeEntities(address), unescapeEntities(address)), length: address.length };
}

/** A `<…>` entity at `i`: link, person, channel, or something that would ping; null when it is none of these. */
export function entityAt(text, i, names) {
  const match = /^<([^<>\n|]+)(?:\|([^<>\n]*))?>/.exec(text.slice(i, i + 4000));
  if (!match) return null;
  const node = entityNode(match[1], match[2], names);
  return node && { node, length: match[0].length };
}

function entityNode(target, label, names) {
  if (/^@[UWB]/.test(target)) return personBadge(target.slice(1), names);
  if (/^#[CGD]/.test(target)) return channelBadge(target.slice(1), label, names);
  if (target.startsWith("!")) return specialBadge(target.slice(1), label);
  const address = unescapeEntities(target);
  if (/^https?:\/\//i.test(address) && safeUrl(address)) return link(address, unescapeEntities(label || target));
  if (/^mailto:/i.test(address)) return document.createTextNode(unescapeEntities(label || target.slice(7)));
  return null;
}

export function personBadge(id, names) {
  return el(
    "span",
    { class: id === names.me ? "mention mention-me" : "mention", "data-mention": id },
    `@${names.user(id)}`,
  );
}

export function channelBadge(id, label, names) {
  return el(
    "a",
    { class: "mention", href: `#channel=${encodeURIComponent(id)}` },
    `#${names.channel(id) ?? unescapeEntities(label || id)}`,
  );
}

/** `<!channel>` and its kind, drawn as a ping so that nobody overlooks one that got through. */
export function specialBadge(command, label) {
  const [kind] = command.split("^");
  if (kind === "date") return document.createTextNode(unescapeEntities(label ?? ""));
  const name =
    kind === "subteam"
      ? unescapeEntities(label || `@${command.split("^")[1] ?? "group"}`)
      : `@${unescapeEntities(kind)}`;
  return el("span", { class: "mention ping", "data-ping": kind, title: "This notifies people" }, name);
}
