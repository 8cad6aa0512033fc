// How people and the app are shown: names, initials, avatars; and how times are written.

import { el } from "./dom.js";

const HUES = 8; // classes hue-0 … hue-7 in messages.css

export function nameOf(state, id) {
  const user = state.users.get(id);
  if (user) return user.bot || id === state.app.user_id ? displayName(state, user) : user.real_name || user.name;
  return id === state.app.user_id ? appName(state) : id === "USLACKBOT" ? "Slackbot" : id;
}

const displayName = (state, user) => (user.id === state.app.user_id ? appName(state) : user.real_name || user.name);

/** The app's name as a title: its bot user is often written small. */
export const appName = ({ app }) => app.name.charAt(0).toUpperCase() + app.name.slice(1);

const initials = (name) =>
  name
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => [...word][0]?.toUpperCase() ?? "")
    .join("");

export function avatar(state, id, { small = false } = {}) {
  const isApp = id === state.app.user_id;
  const hue = Math.max(0, [...state.users.keys()].indexOf(id)) % HUES;
  const classes = `avatar ${isApp ? "avatar-app" : `hue-${hue}`}${small ? " avatar-small" : ""}`;
  return el("span", { class: classes, "aria-hidden": "true" }, initials(nameOf(state, id)));
}

const date = (ts) => new Date(Number(ts) * 1000);
const sameDay = (a, b) => a.toDateString() === b.toDateString();
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const FULL = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium" });

export const timeOf = (ts) => TIME.format(date(ts));
export const fullTimeOf = (ts) => FULL.format(date(ts));
export const isoOf = (ts) => date(ts).toISOString();

export function dayOf(ts) {
  const [day, now] = [date(ts), new Date()];
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  return sameDay(day, now) ? "Today" : sameDay(day, yesterday) ? "Yesterday" : DAY.format(day);
}
