// Live pages: listens to the page's stream and tells those parts that are old to fetch themselves (htmx does, by these events).
// A hidden tab gives its connection back, because a browser has six for a server, and looks now and then instead.
const place = document.getElementById("live");
const HIDDEN_LOOK = 20_000; // ms

// At most one call in `wait` ms, and always one after the last wish.
function calmly(work, wait) {
  let due = 0, timer = 0;
  return () => {
    if (timer) return;
    timer = setTimeout(() => { timer = 0; due = Date.now() + wait; work(); }, Math.max(0, due - Date.now()));
  };
}
const tell = (name, target = document.body) => target.dispatchEvent(new CustomEvent(name, { bubbles: false }));

const scopes = {
  run() {
    const state = calmly(() => tell("run:state"), 1000);
    const told = calmly(() => { tell("run:log"); tell("run:events"); }, 3000); // the entry TRAIN_UPDATED changes without a new event
    const known = {};
    const changed = (key, value) => known[key] !== value && (known[key] = value, true);
    return {
      events: {
        metrics: (points) => document.dispatchEvent(new CustomEvent("points", { detail: points })),
        reload: () => document.dispatchEvent(new CustomEvent("points:stale")),
        status(now) {
          state();
          told();
          if (changed("events", now.events)) { tell("run:events"); tell("run:checkpoints"); }
          if (changed("samples", now.samples)) { tell("run:answers"); tell("run:samples"); }
          if (changed("status", now.status)) place.dataset.status = now.status;
        },
      },
      look: () => ["run:state", "run:log", "run:events", "run:answers"].forEach((name) => tell(name)),
    };
  },
  runs() {
    const list = calmly(() => { tell("runs:changed"); tell("runs:counted"); }, 1000);
    const rows = new Map();
    return {
      events: {
        refresh: list,
        run(changes) {
          for (const { run, status } of changes) {
            const row = document.getElementById(`run-${run}`);
            if (!row || row.dataset.status !== status) { list(); continue; }
            if (!rows.has(run)) rows.set(run, calmly(() => tell("run:changed", document.getElementById(`run-${run}`) ?? place), 1000));
            rows.get(run)();
          }
        },
      },
      look: list,
    };
  },
};

let source = null, cursor = 0, over = false;

function connect(scope) {
  const address = new URL(place.dataset.stream, location);
  if (cursor) address.searchParams.set("after", cursor);
  source = new EventSource(address);
  for (const [name, react] of Object.entries(scope.events)) {
    source.addEventListener(name, (event) => {
      if (event.lastEventId) cursor = Number(event.lastEventId);
      react(JSON.parse(event.data));
    });
  }
  source.addEventListener("end", () => { over = true; leave(); setTimeout(scope.look, 300); });
}
function leave() {
  source?.close();
  source = null;
}

// charts.js draws first and says up to which point; the stream goes on from there.
function begin(scope) {
  if (!place.dataset.stream) return;
  connect(scope);
  let looking = 0;
  document.addEventListener("visibilitychange", () => {
    clearInterval(looking);
    if (document.hidden) {
      leave();
      looking = setInterval(scope.look, HIDDEN_LOOK);
    } else if (!over && !source) {
      connect(scope);
      scope.look();
    }
  });
}

// A session that has ended answers with the login page: go there instead of drawing it into a corner.
document.addEventListener("htmx:before:swap", (event) => {
  const answer = event.detail?.ctx?.response?.raw;
  if (answer?.redirected && new URL(answer.url).pathname === "/login/") {
    event.preventDefault();
    location.reload();
  }
});
document.addEventListener("htmx:after:swap", () => {
  const title = document.getElementById("state")?.dataset.title;
  if (title) document.title = `${title} · Finetuning UI`;
});

if (place) {
  const scope = scopes[place.dataset.scope]();
  if (place.dataset.scope === "run" && document.getElementById("charts")) {
    document.addEventListener("charts:drawn", (event) => { cursor = event.detail.cursor; if (!source && !over) begin(scope); }, { once: true });
  } else {
    begin(scope);
  }
}
