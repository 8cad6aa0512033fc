// GitHub-flavoured Markdown as Slack's `markdown` block shows it → DOM. Pure: text and names in, a fragment out.

import { el, link } from "./dom.js";
import { emojiAt } from "./emoji.js";
import { bareUrlAt, entityAt } from "./mrkdwn.js";

const DEEPEST = 12; // nested quotes and lists; deeper ones become plain paragraphs
const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^`]*)$/;
const HEADING = /^ {0,3}#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const ITEM = /^( *)([-*+•]|\d{1,9}[.)])(?:([ \t]+)(.*))?$/;
const TABLE_RULE = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

export function renderMarkdown(text, names) {
  const fragment = document.createDocumentFragment();
  fragment.append(...blocks(text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), names, 0));
  return fragment;
}

// -- blocks

const STARTS = [fence, heading, rule, quote, table, list];

function blocks(lines, names, depth) {
  const nodes = [];
  for (let i = 0; i < lines.length;) {
    if (!lines[i].trim()) {
      i += 1;
      continue;
    }
    const block = startAt(lines, i, names, depth) ?? paragraph(lines, i, names, depth);
    nodes.push(block.node);
    i = block.next;
  }
  return nodes;
}

function startAt(lines, i, names, depth) {
  if (depth >= DEEPEST) return null;
  for (const start of STARTS) {
    const block = start(lines, i, names, depth);
    if (block) return block;
  }
  return null;
}

function paragraph(lines, i, names, depth) {
  let next = i + 1;
  while (next < lines.length && lines[next].trim() && !interrupts(lines, next, depth)) next += 1;
  const text = lines
    .slice(i, next)
    .map((line) => line.trim())
    .join("\n");
  return { node: el("p", {}, inline(text, names)), next };
}

function interrupts(lines, i, depth) {
  if (depth >= DEEPEST) return false;
  return (
    [FENCE, HEADING, RULE, QUOTE].some((pattern) => pattern.test(lines[i])) || isItem(lines[i]) || isTable(lines, i)
  );
}

function fence(lines, i) {
  const open = FENCE.exec(lines[i]);
  if (!open) return null;
  const close = new RegExp(`^ {0,3}${open[1][0]}{${open[1].length},}[ \\t]*$`);
  let next = i + 1;
  while (next < lines.length && !close.test(lines[next])) next += 1;
  return { node: el("pre", { class: "fence" }, el("code", {}, lines.slice(i + 1, next).join("\n"))), next: next + 1 };
}

function heading(lines, i, names) {
  const match = HEADING.exec(lines[i]);
  // Slack shows every level in one size; the level of the page's outline stays below the channel's own headings.
  return match && { node: el("h4", { class: "md-heading" }, inline(match[1], names)), next: i + 1 };
}

function rule(lines, i) {
  return RULE.test(lines[i]) ? { node: el("hr"), next: i + 1 } : null;
}

function quote(lines, i, names, depth) {
  const inside = [];
  let next = i;
  for (let match; next < lines.length && (match = QUOTE.exec(lines[next])); next += 1) inside.push(match[1]);
  return inside.length ? { node: el("blockquote", {}, blocks(inside, names, depth + 1)), next } : null;
}

const isItem = (line) => ITEM.test(line) && !RULE.test(line);
const indentOf = (line) => line.length - line.trimStart().length;

function list(lines, i, names, depth) {
  if (!isItem(lines[i])) return null;
  const [, indent, marker] = ITEM.exec(lines[i]);
  const ordered = /\d/.test(marker);
  const items = [];
  let next = i;
  while (next < lines.length && continuesList(lines[next], indent.length, ordered)) {
    const item = listItem(lines, next);
    items.push(el("li", {}, blocks(item.lines, names, depth + 1)));
    next = item.next;
  }
  const node = ordered ? el("ol", { start: parseInt(marker, 10) }, items) : el("ul", {}, items);
  return { node, next };
}

function continuesList(line, indent, ordered) {
  if (!isItem(line)) return false;
  const [, spaces, marker] = ITEM.exec(line);
  return Math.abs(spaces.length - indent) < 2 && /\d/.test(marker) === ordered;
}

/** The lines of one item without their indentation, and where the next line outside of it is. */
function listItem(lines, i) {
  const [, indent, marker, space = " ", first = ""] = ITEM.exec(lines[i]);
  const content = indent.length + marker.length + Math.min(space.length, 4);
  const own = [first.replace(/^\[( |x|X)\] /, (_, mark) => (mark === " " ? "☐ " : "☑ "))];
  let next = i + 1;
  for (; next < lines.length; next += 1) {
    const line = lines[next];
    if (!line.trim()) {
      if (!(next + 1 < lines.length && indentOf(lines[next + 1]) > indent.length + 1)) break;
      own.push("");
    } else if (indentOf(line) > indent.length + 1) own.push(line.slice(Math.min(content, indentOf(line))));
    else if (isItem(line) || interrupts(lines, next, 0) || own.at(-1) === "") break;
    else own.push(line.trim());
  }
  while (next < lines.length && !lines[next].trim() && isItem(lines[next + 1] ?? "")) next += 1;
  return { lines: own, next };
}

function isTable(lines, i) {
  return (
    lines[i].includes("|") &&
    i + 1 < lines.length &&
    lines[i + 1].includes("-") &&
    TABLE_RULE.test(lines[i + 1]) &&
    cells(lines[i]).length === cells(lines[i + 1]).length
  );
}

function table(lines, i, names) {
  if (!isTable(lines, i)) return null;
  const sides = cells(lines[i + 1]).map((cell) =>
    cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : "left",
  );
  const row = (tag, line) => {
    const texts = cells(line);
    return el(
      "tr",
      {},
      sides.map((side, n) => el(tag, { class: `align-${side}` }, inline(texts[n] ?? "", names))),
    );
  };
  let next = i + 2;
  while (next < lines.length && lines[next].trim() && lines[next].includes("|")) next += 1;
  const body = lines.slice(i + 2, next).map((line) => row("td", line));
  const node = el(
    "div",
    { class: "table-frame" },
    el("table", {}, el("thead", {}, row("th", lines[i])), el("tbody", {}, body)),
  );
  return { node, next };
}

function cells(line) {
  const texts = line
    .trim()
    .replace(/^\|/, "")
    .replace(/(^|[^\\])\|$/, "$1")
    .split(/(?<!\\)\|/);
  return texts.map((text) => text.trim().replace(/\\\|/g, "|"));
}

// -- inline

const CHARACTERS = { amp: "&", lt: "<", gt: ">", quot: '"', nbsp: "\u00a0", "#39": "'" };

/** Inline Markdown → nodes. Emphasis follows CommonMark's delimiter runs. */
function inline(text, names, insideLink = false) {
  const parts = [];
  let plain = "";
  const flush = () => {
    if (plain) parts.push({ node: document.createTextNode(plain) });
    plain = "";
  };
  for (let i = 0; i < text.length;) {
    const token = tokenAt(text, i, names, insideLink);
    if (token?.plain !== undefined) plain += token.plain;
    else if (token) {
      flush();
      parts.push(token);
    } else plain += text[i];
    i += token?.length ?? 1;
  }
  flush();
  return emphasise(parts);
}

function tokenAt(text, i, names, insideLink) {
  switch (text[i]) {
    case "\\":
      return escapeAt(text, i);
    case "\n":
      return { node: el("br"), length: 1 };
    case "`":
      return codeAt(text, i);
    case "*":
    case "_":
    case "~":
      return delimiterAt(text, i);
    case "!":
      return text[i + 1] === "[" ? imageAt(text, i, names, insideLink) : null;
    case "[":
      return insideLink ? null : linkAt(text, i, names);
    case "<":
      return entityAt(text, i, names);
    case "&":
      return characterAt(text, i);
    case ":":
      return shortcodeAt(text, i);
    case "h":
      return insideLink ? null : bareUrlAt(text, i);
    default:
      return null;
  }
}

function escapeAt(text, i) {
  if (text[i + 1] === "\n") return { node: el("br"), length: 2 };
  return /[!-/:-@[-`{-~]/.test(text[i + 1] ?? "") ? { plain: text[i + 1], length: 2 } : null;
}

function codeAt(text, i) {
  const run = /^`+/.exec(text.slice(i))[0];
  for (let end = text.indexOf(run, i + run.length); end !== -1; end = text.indexOf(run, end + 1)) {
    if (text[end - 1] === "`" || text[end + run.length] === "`") continue;
    const code = text
      .slice(i + run.length, end)
      .replace(/\n/g, " ")
      .replace(/^ (.*[^ ].*) $/, "$1");
    return { node: el("code", {}, code), length: end + run.length - i };
  }
  return { plain: run, length: run.length };
}

function characterAt(text, i) {
  const match = /^&(#?\w{1,6});/.exec(text.slice(i, i + 9));
  return match && Object.hasOwn(CHARACTERS, match[1]) ? { plain: CHARACTERS[match[1]], length: match[0].length } : null;
}

function shortcodeAt(text, i) {
  const found = emojiAt(text, i);
  return found && { plain: found.emoji, length: found.length };
}

/** `[label](address "title")` from the bracket at `i`: its label, its address and the length of the whole, or null. */
function bracketAt(text, i) {
  let depth = 0;
  for (let end = i; end < text.length && end < i + 1000; end += 1) {
    if (text[end] === "\\") end += 1;
    else if (text[end] === "[") depth += 1;
    else if (text[end] === "]" && --depth === 0) {
      const target = /^\(\s*(?:<([^<>\n]*)>|((?:[^\s()]|\([^\s()]*\))*))(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/.exec(
        text.slice(end + 1, end + 3000),
      );
      return (
        target && {
          label: text.slice(i + 1, end),
          address: target[1] ?? target[2],
          length: end + 1 + target[0].length - i,
        }
      );
    }
  }
  return null;
}

function linkAt(text, i, names) {
  const found = bracketAt(text, i);
  return found && { node: link(found.address, inline(found.label, names, true)), length: found.length };
}

/** Slack does not fetch an image of a message: it is shown as a link, so nothing outside is contacted. */
function imageAt(text, i, names, insideLink) {
  const found = bracketAt(text, i + 1);
  if (!found) return null;
  const label = found.label || "image";
  return { node: insideLink ? document.createTextNode(label) : link(found.address, label), length: found.length + 1 };
}

function delimiterAt(text, i) {
  const mark = text[i];
  let length = 1;
  while (text[i + length] === mark) length += 1;
  if (mark === "~" && length > 2) return { plain: mark.repeat(length), length };
  const before = text[i - 1] ?? " ";
  const after = text[i + length] ?? " ";
  const [spaceBefore, spaceAfter] = [/\s/.test(before), /\s/.test(after)];
  const [markBefore, markAfter] = [/[\p{P}\p{S}]/u.test(before), /[\p{P}\p{S}]/u.test(after)];
  const left = !spaceAfter && (!markAfter || spaceBefore || markBefore);
  const right = !spaceBefore && (!markBefore || spaceAfter || markAfter);
  const wordy = mark === "_";
  return {
    mark,
    count: length,
    length,
    opens: left && (!wordy || !right || markBefore),
    closes: right && (!wordy || !left || markAfter),
  };
}

function emphasise(parts) {
  for (let close = 0; close < parts.length; close += 1) {
    const closer = parts[close];
    if (!closer.closes || !closer.count) continue;
    const open = openerFor(parts, close);
    if (open < 0) continue;
    close = wrap(parts, open, close);
  }
  return parts.map((part) => part.node ?? document.createTextNode(part.mark.repeat(part.count)));
}

function openerFor(parts, close) {
  const { mark, count } = parts[close];
  for (let i = close - 1; i >= 0; i -= 1) {
    const part = parts[i];
    if (part.mark === mark && part.opens && part.count && (mark !== "~" || part.count === count)) return i;
  }
  return -1;
}

/** Put what stands between two delimiters into its element; returns where to go on (the closer again if some of it is left). */
function wrap(parts, open, close) {
  const [opener, closer] = [parts[open], parts[close]];
  const used = opener.mark === "~" ? opener.count : Math.min(opener.count, closer.count, 2);
  const tag = opener.mark === "~" ? "s" : used === 2 ? "strong" : "em";
  const inside = parts.slice(open + 1, close).map((part) => part.node ?? part.mark.repeat(part.count));
  opener.count -= used;
  closer.count -= used;
  const kept = [opener.count && opener, { node: el(tag, {}, inside) }, closer.count && closer].filter(Boolean);
  parts.splice(open, close - open + 1, ...kept);
  return open + kept.length - (closer.count ? 2 : 1);
}
