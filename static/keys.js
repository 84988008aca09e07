// The keyboard: n new run, / search, ? help, j and k through the rows of a table, Enter opens. Silent while somebody types.
const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], dialog[open]") !== null;

function move(by) {
  const rows = [...document.querySelectorAll("table[data-rows] tbody tr")].filter((row) => row.querySelector("a[href]"));
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[at === -1 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
  next.querySelector("a[href]").focus();
  next.scrollIntoView({ block: "nearest" });
}

const keys = {
  n: () => document.querySelector("[data-key=n]")?.click(),
  "/": () => document.querySelector("[data-key=search]")?.focus(),
  "?": () => document.getElementById("keys")?.showModal(),
  j: () => move(1),
  k: () => move(-1),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || !(event.key in keys)) return;
  event.preventDefault();
  keys[event.key]();
});
