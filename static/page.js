// Small comforts of every page: copy buttons, dialogs behind links that work without them, rows that are links, forms sent once.
async function copy(button) {
  const source = button.dataset.copy || button.closest(".code")?.querySelector("code")?.textContent || "";
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(source.trim());
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select and copy";
  }
  setTimeout(() => { button.textContent = label; }, 1500);
}

addEventListener("click", (event) => {
  const target = event.target;
  const button = target.closest("[data-copy], .code > button");
  if (button) return copy(button);

  const opener = target.closest("[data-dialog]");
  const dialog = opener && document.getElementById(opener.dataset.dialog);
  if (dialog && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    return dialog.showModal();
  }
  if (target.closest("[data-close]")) {
    event.preventDefault();
    return target.closest("dialog").close();
  }
  const row = target.closest("tr[data-href]");
  if (row && !target.closest("a, button, input, label, select, summary") && !getSelection().toString()) {
    if (event.ctrlKey || event.metaKey) open(row.dataset.href); else location.href = row.dataset.href;
  }
});

// A second click on Start must not send a second form; the server is idempotent as well.
addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method === "get") return;
  if (event.target.dataset.sent) return event.preventDefault();
  event.target.dataset.sent = "yes";
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

// Filters apply when they change; without this script their button does it.
addEventListener("change", (event) => {
  if (event.target.closest("form[data-auto]")) event.target.form.requestSubmit();
});

// An address says what was asked for, not what was left open.
addEventListener("formdata", (event) => {
  if (event.target.method !== "get") return;
  for (const [key, value] of [...event.formData]) if (value === "") event.formData.delete(key);
});

const refused = document.querySelector(".field [aria-invalid=true]");
refused?.focus();
