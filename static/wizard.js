// Comforts of the wizard: the summary follows what is typed, the list of models narrows as one searches, more prompts can be added.
// Every step works without it.
function summarise(form) {
  let timer, last;
  const ask = async () => {
    const fields = new FormData(form);
    const asked = (last = Symbol("newest question"));
    try {
      const answer = await fetch(form.dataset.summary, { method: "POST", body: fields });
      if (!answer.ok || asked !== last) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("summary");
      const shown = document.getElementById("summary");
      if (fresh && fresh.innerHTML !== shown.innerHTML) shown.replaceChildren(...fresh.childNodes);
    } catch { /* offline: the server says it all again at the next step */ }
  };
  document.addEventListener("htmx:after:swap", ask); // a probe's answer changes the estimate
  form.addEventListener("input", (event) => {
    if (event.target.name === "q") return;
    clearTimeout(timer);
    timer = setTimeout(ask, event.target.type === "text" ? 500 : 50);
  });
  // What was typed before this script came, and what the browser filled in again after a reload.
  addEventListener("pageshow", () => [...form.elements].some(differs) && ask());
}

function differs(field) {
  if (field.name === "q") return false;
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.options) return [...field.options].some((option) => option.selected !== option.defaultSelected);
  return "defaultValue" in field && field.type !== "hidden" && field.value !== field.defaultValue;
}

function narrow(search) {
  const offers = [...document.querySelectorAll(`${search.dataset.filter} [data-words]`)];
  const folded = document.querySelector(`${search.dataset.filter} details`);
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const offer of offers) {
      offer.hidden = !offer.querySelector(":checked[name=model]") && !words.every((word) => offer.dataset.words.includes(word));
    }
    if (folded && words.length) folded.open = true;
  };
  search.addEventListener("input", apply);
  apply();
}

function grow(lines) {
  const button = lines.querySelector("[data-add]");
  button.hidden = false;
  button.addEventListener("click", () => {
    const boxes = lines.querySelectorAll("textarea");
    if (boxes.length >= 20) return;
    const box = boxes[boxes.length - 1].cloneNode();
    box.removeAttribute("id");
    box.value = "";
    box.setAttribute("aria-label", `Prompt ${boxes.length + 1}`);
    button.parentElement.before(box);
    box.focus();
    button.hidden = boxes.length + 1 >= 20;
  });
}

document.querySelectorAll("form[data-summary]").forEach(summarise);
document.querySelectorAll("[data-filter]").forEach(narrow);
document.querySelectorAll("[data-lines]").forEach(grow);
