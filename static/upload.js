import { packed, packs } from "./packing.js";

// Uploads: drop a file, see how far it is, keep the chosen file when it is refused. Without this the form is sent as any other.
const PART = 8 << 20, TRIES = 6;  // bytes; a smaller file goes with the form; so do several that are small together
const MANY = 500;  // files of one form; more go as one
const CUT = "The connection was cut. Send the file again: a large one goes on from where it stands.";
const kilo = (count) =>
  count < 1e6 ? `${Math.round(count / 1e3)} kB` : count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(2)} GB`;

function dropping(zone) {
  const file = zone.querySelector("input[type=file]");
  const over = (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    zone.classList.add("over");
  };
  zone.addEventListener("dragenter", over);
  zone.addEventListener("dragover", over);
  zone.addEventListener("dragleave", (event) => { if (!zone.contains(event.relatedTarget)) zone.classList.remove("over"); });
  zone.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    zone.classList.remove("over");
    const folder = [...event.dataTransfer.items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
    const state = zone.closest("form").querySelector("[data-state]");
    state.textContent = folder ? "A folder cannot be dropped. Choose it with the button for folders, or drop the files in it." : "";
    if (folder) return;
    file.files = event.dataTransfer.files;
    file.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

// Filling something in chooses it: the radio button beside it follows.
function follow(event) {
  const radio = event.target.closest(".choice")?.querySelector("input[type=radio]");
  if (radio && event.target !== radio && event.target.value) radio.checked = true;
}

// One request, with its progress. Rejects when the connection is cut.
function ask(method, url, body, headers = {}, sent = () => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", (event) => sent(event.loaded));
    request.addEventListener("load", () => resolve(request));
    request.addEventListener("error", () => reject(new Error(CUT)));
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(body);
  });
}

// A large file goes in parts: after a cut, or when the same file is chosen again within a day, from where it stands.
async function inParts(file, token, sent) {
  const headers = { "X-CSRFToken": token }, name = `upload:${file.name}:${file.size}:${file.lastModified}`;
  const known = localStorage.getItem(name);
  let told = known && await ask("GET", `/api/v1/uploads/${known}`);
  if (!told || told.status !== 200) {
    const about = JSON.stringify({ filename: file.name, bytes: file.size });
    told = await ask("POST", "/api/v1/uploads", about, { ...headers, "Content-Type": "application/json" });
    if (told.status !== 201) throw new Error(JSON.parse(told.responseText).detail);
  }
  const { key, received } = JSON.parse(told.responseText), url = `/api/v1/uploads/${key}`;
  localStorage.setItem(name, key);
  for (let at = received, tries = 0; at < file.size;) {
    sent(at);
    const start = at, part = file.slice(at, at + PART);
    try {
      told = await ask("PATCH", `${url}?offset=${at}`, part, { ...headers, "Content-Type": "application/octet-stream" }, (more) => sent(start + more));
      if (told.status === 409) told = await ask("GET", url);
      if (told.status >= 500) throw new Error(CUT);
      if (told.status !== 200) throw Object.assign(new Error(JSON.parse(told.responseText).detail), { final: true });
      at = JSON.parse(told.responseText).received;
      if (at > start) tries = 0;
    } catch (error) {
      if (error.final || tries++ === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** tries, 8000)));
      await ask("GET", url).then((now) => { if (now.status === 200) at = JSON.parse(now.responseText).received; }, () => {});
    }
  }
  return key;
}

// `12 s left`, from how fast it went since it began; nothing while nobody can tell.
function leaving() {
  let began, first;
  return (sent, total) => {
    began ??= performance.now();
    first ??= sent;
    const seconds = (performance.now() - began) / 1000, left = (total - sent) / ((sent - first) / seconds);
    if (seconds < 2 || !Number.isFinite(left)) return "";
    return left < 90 ? `, ${Math.max(1, Math.round(left))} s left` : `, ${Math.round(left / 60)} min left`;
  };
}

// What goes in parts, by the field of its key: one large file, or several texts as one.
function large(inputs) {
  const slots = Map.groupBy(inputs, (input) => input.name.replace(/(file|folder)$/, "upload_key"));
  return [...slots].map(([field, inputs]) => ({ field, inputs, files: inputs.flatMap((input) => [...input.files]) }))
    .filter(({ files }) => packs(files, PART, MANY) || (files.length === 1 && files[0].size > PART));
}

async function send(event) {
  const form = event.target;
  const inputs = [...form.querySelectorAll("input[type=file]")].filter((input) => input.files.length);
  if (!inputs.length || event.defaultPrevented) return;
  event.preventDefault();
  if (form.dataset.sent) return;
  form.dataset.sent = "yes";
  const bar = form.querySelector("progress"), state = form.querySelector("[data-state]");
  const every = inputs.flatMap((input) => [...input.files]), total = every.reduce((sum, file) => sum + file.size, 0);
  const body = new FormData(form, event.submitter), left = leaving();
  const done = () => { delete form.dataset.sent; bar.hidden = true; state.textContent = ""; };
  const say = (share, words) => { bar.value = share; state.textContent = words; };
  const show = (sent) => say(sent / (total || 1), sent < total ? `Sending ${kilo(sent)} of ${kilo(total)}${left(sent, total)}` : `Checking ${kilo(total)}`);
  bar.hidden = false;
  let before = 0;
  try {
    for (const { field, inputs: sent, files } of large(inputs)) {
      const reading = (number) => say(number / files.length, `Reading ${number.toLocaleString("en")} of ${files.length.toLocaleString("en")} files`);
      const file = files.length > 1 ? await packed(files, reading) : files[0];
      const key = await inParts(file, body.get("csrfmiddlewaretoken"), (sent) => show(Math.min(before + sent, total)));
      for (const input of sent) body.delete(input.name);
      body.set(field, key);
      before += file.size;
    }
    show(Math.min(before, total));
    const answer = await ask("POST", form.action, body, {}, (sent) => show(Math.min(before + sent, total)));
    if (answer.status < 400) return location.assign(answer.responseURL);
    done();
    refused(answer.responseText, inputs);
  } catch (error) {
    done();
    state.textContent = error.message;
  }
}

// The page with its errors, in place of this one; a file cannot be put into a form by the server, so ours move over.
function refused(text, files) {
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("content");
  if (!fresh) return document.querySelector("[data-state]")?.append("The server could not take the file. Try again.");
  for (const file of files) fresh.querySelector(`input[type=file][name="${file.name}"]`)?.replaceWith(file);
  document.getElementById("content").replaceWith(document.adoptNode(fresh));
  ready();
  (document.querySelector("[role=alert]") ?? document.querySelector("main .error"))?.scrollIntoView({ block: "center" });
  const first = document.querySelector("[autofocus]") ?? document.querySelector(`input[name="${files[0].name}"]`);
  first?.focus({ preventScroll: true });
}

function ready() {
  document.querySelectorAll("[data-drop]").forEach(dropping);
  document.querySelectorAll("form[data-upload]").forEach((form) => {
    form.addEventListener("submit", send);
    form.addEventListener("input", follow);
    form.addEventListener("change", follow);
  });
}
ready();
