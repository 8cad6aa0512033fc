// Elements are built here and nowhere from text: what people and apps write reaches the page as text nodes only.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes, listeners (`onclick: function`) and children; null and false children are left out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function setAttribute(node, name, value) {
  if (name.startsWith("data-") && typeof value === "boolean") node.setAttribute(name, value);
  else if (value === undefined || value === null || value === false) return;
  else if (typeof value === "function") node.addEventListener(name.slice(2), value);
  else if (name === "href") node.setAttribute("href", safeUrl(value) ?? "#");
  else if (!name.startsWith("on")) node.setAttribute(name, value === true ? "" : String(value));
}

/** The address itself when it may be a link (http, https, or a path on this page's own server), otherwise null. */
export function safeUrl(address) {
  if (!/^(https?:\/\/|\/(?!\/)|#)/i.test(address)) return null;
  try {
    const url = new URL(address, location.href);
    return url.protocol === "http:" || url.protocol === "https:" ? address : null;
  } catch {
    return null;
  }
}

/** A link that opens beside this page; plain text where the address may not be a link. */
export function link(address, ...children) {
  if (safeUrl(address) === null) return el("span", {}, ...children);
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);
}

const ICONS = {
  hash: "M4 6h9M3 10h9M7 2.5 5.5 13.5M11 2.5 9.5 13.5",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  globe: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2M2 8h12M8 2c-4 4-4 8 0 12M8 2c4 4 4 8 0 12",
  send: "M2.5 3 14 8 2.5 13l1.5-5zM4 8h5",
  reply: "M2.5 3h11v8H7l-3 2.5V11H2.5z",
  edit: "M3 13l.6-2.8L10.8 3 13 5.2l-7.2 7.2z",
  trash: "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.6 9h5.8l.6-9M6.8 7v4M9.2 7v4",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  menu: "M2.5 4h11M2.5 8h11M2.5 12h11",
  stop: "M4.5 4.5h7v7h-7z",
  up: "M5 7l2.6-4.6c1.4 0 1.8 1 1.4 2.2L8.6 6H12c1 0 1.5.8 1.3 1.7l-.9 4c-.2.8-.7 1.3-1.5 1.3H5zM2.5 7H5v6H2.5z",
  down: "M5 9l2.6 4.6c1.4 0 1.8-1 1.4-2.2L8.6 10H12c1 0 1.5-.8 1.3-1.7l-.9-4C12.2 3.5 11.7 3 10.9 3H5zM2.5 9H5V3H2.5z",
  eye: "M1.5 8C4 3.8 12 3.8 14.5 8 12 12.2 4 12.2 1.5 8M8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6",
  warn: "M8 2.5 14.5 13.5h-13zM8 6.5v3.5M8 11.6v.4",
};

/** One of our own line drawings; decoration only, so hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [key, value] of [
    ["viewBox", "0 0 16 16"],
    ["class", "icon"],
    ["aria-hidden", "true"],
  ])
    svg.setAttribute(key, value);
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

const FOCUSABLE =
  "a[href], button:not([disabled]), input:not([disabled]), select:not([disabled]), textarea:not([disabled])";

export const focusable = (root) =>
  [...root.querySelectorAll(FOCUSABLE)].filter((node) => node.getClientRects().length > 0);

const drawn = new WeakMap(); // parent → Map(key → {node, signature})

/** Make `parent` show `items` ({key, signature: array, build}) in order; an item whose signature is the same keeps its element. */
export function reconcile(parent, items) {
  const before = drawn.get(parent) ?? new Map();
  const after = new Map(items.map((item) => [item.key, drawItem(item, before.get(item.key))]));
  drawn.set(parent, after);
  for (const [key, { node }] of before) if (!after.has(key)) node.remove();
  let cursor = parent.firstChild;
  for (const { node } of after.values()) {
    if (node === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(node, cursor);
  }
}

function drawItem({ signature, build }, old) {
  const same =
    old && old.signature.length === signature.length && old.signature.every((part, i) => part === signature[i]);
  if (same) return old;
  const node = build();
  if (old) replaceKeepingFocus(old.node, node);
  return { node, signature };
}

function replaceKeepingFocus(old, node) {
  const focused = old.contains(document.activeElement) ? focusable(old).indexOf(document.activeElement) : -1;
  old.replaceWith(node);
  if (focused >= 0) focusable(node)[focused]?.focus({ preventScroll: true });
}
