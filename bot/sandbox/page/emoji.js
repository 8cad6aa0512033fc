// The common emoji shortcodes; an unknown one stays as it was written.

const NAMES = new Map(
  `
  +1 👍  thumbsup 👍  -1 👎  thumbsdown 👎  wave 👋  pray 🙏  clap 👏  raised_hands 🙌  ok_hand 👌  muscle 💪  point_right 👉
  point_left 👈  point_up ☝️  point_down 👇  raised_hand ✋  hand ✋  eyes 👀  handshake 🤝  writing_hand ✍️  smile 😄
  grinning 😀  slightly_smiling_face 🙂  wink 😉  joy 😂  blush 😊  heart_eyes 😍  thinking_face 🤔  sweat_smile 😅
  neutral_face 😐  confused 😕  cry 😢  sob 😭  scream 😱  sunglasses 😎  partying_face 🥳  face_with_monocle 🧐
  robot_face 🤖  heart ❤️  tada 🎉  fire 🔥  sparkles ✨  star ⭐  rocket 🚀  100 💯  zap ⚡  bulb 💡  boom 💥  sunny ☀️
  white_check_mark ✅  heavy_check_mark ✔️  ballot_box_with_check ☑️  x ❌  warning ⚠️  no_entry ⛔  no_entry_sign 🚫
  question ❓  grey_question ❔  exclamation ❗  information_source ℹ️  red_circle 🔴  large_green_circle 🟢
  large_yellow_circle 🟡  large_blue_circle 🔵  white_circle ⚪  black_circle ⚫  mag 🔍  mag_right 🔎  link 🔗  lock 🔒
  unlock 🔓  key 🔑  bell 🔔  pushpin 📌  round_pushpin 📍  books 📚  book 📖  open_book 📖  page_facing_up 📄
  page_with_curl 📃  scroll 📜  memo 📝  pencil 📝  pencil2 ✏️  bookmark 🔖  clipboard 📋  file_folder 📁
  open_file_folder 📂  card_index_dividers 🗂️  package 📦  wastebasket 🗑️  paperclip 📎  email 📧  calendar 📆  date 📅
  clock1 🕐  hourglass ⌛  hourglass_flowing_sand ⏳  stopwatch ⏱️  arrows_counterclockwise 🔄  repeat 🔁
  chart_with_upwards_trend 📈  bar_chart 📊  speech_balloon 💬  thought_balloon 💭  mega 📣  loudspeaker 📢
  busts_in_silhouette 👥  bust_in_silhouette 👤  house 🏠  office 🏢  coffee ☕  palm_tree 🌴  arrow_right ➡️
  arrow_left ⬅️  arrow_up ⬆️  arrow_down ⬇️  gear ⚙️  wrench 🔧  hammer 🔨  hammer_and_wrench 🛠️  construction 🚧
  shield 🛡️  label 🏷️  one 1️⃣  two 2️⃣  three 3️⃣  sos 🆘
`
    .trim()
    .split(/\s{2,}/)
    .map((pair) => pair.split(" ")),
);

const SHORTCODE = /:([a-z0-9_+-]+):(?::skin-tone-[2-6]:)?/y;

/** The emoji whose shortcode begins at `index` and how long that is written, or null. */
export function emojiAt(text, index) {
  SHORTCODE.lastIndex = index;
  const match = SHORTCODE.exec(text);
  const emoji = match && NAMES.get(match[1]);
  return emoji ? { emoji, length: match[0].length } : null;
}

export const withEmoji = (text) => text.replace(/:([a-z0-9_+-]+):/g, (code, name) => NAMES.get(name) ?? code);
