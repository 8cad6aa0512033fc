// Block Kit's text objects → what stands inside an element.

import { withEmoji } from "./emoji.js";
import { renderMrkdwn } from "./mrkdwn.js";

export const plainText = (text) => (!text ? "" : text.emoji === false ? text.text : withEmoji(text.text));

/** A text object, plain or mrkdwn, as inline content. */
export function textObject(text, names) {
  if (!text) return "";
  return text.type === "mrkdwn" ? renderMrkdwn(text.text, names) : plainText(text);
}
