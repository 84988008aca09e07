// Uploads: drop a file, see how far it is, keep the chosen file when it is refused. Without this the form is sent as any other.
const kilo = (count) => count < 1e6 ? `${Math.round(count / 1e3)} kB` : `${(count / 1e6).toFixed(1)} MB`;

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
    file.files = event.dataTransfer.files;
    file.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

// Filling something in chooses it: the radio button beside it follows.
function follow(event) {
  const radio = event.target.closest(".choice")?.querySelector("input[type=radio]");
  if (radio && event.target !== radio && event.target.value) radio.checked = true;
}

function send(event) {
  const form = event.target;
  const files = [...form.querySelectorAll("input[type=file]")].filter((input) => input.files.length);
  if (!files.length || event.defaultPrevented) return;
  event.preventDefault();
  if (form.dataset.sent) return;
  form.dataset.sent = "yes";
  const bar = form.querySelector("progress"), state = form.querySelector("[data-state]");
  const total = files.reduce((sum, input) => sum + input.files[0].size, 0);
  const request = new XMLHttpRequest();
  const body = new FormData(form, event.submitter);
  const done = () => { delete form.dataset.sent; bar.hidden = true; state.textContent = ""; };
  bar.hidden = false;
  request.upload.addEventListener("progress", (sent) => {
    bar.value = sent.loaded / sent.total;
    state.textContent = sent.loaded < sent.total ? `Sending ${kilo(sent.loaded)} of ${kilo(sent.total)}` : `Checking ${kilo(total)}`;
  });
  request.addEventListener("load", () => {
    if (request.status < 400) return location.assign(request.responseURL);
    done();
    refused(request.responseText, files);
  });
  request.addEventListener("error", () => {
    done();
    state.textContent = "The file did not arrive. Check the connection and send it again.";
  });
  request.open("POST", form.action);
  request.send(body);
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
