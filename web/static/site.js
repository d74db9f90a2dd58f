// Comforts for those who have JavaScript. Every page works without.

const RELATIVE = new Intl.RelativeTimeFormat(document.documentElement.lang || "en", { numeric: "auto", style: "short" });
const STEPS = [["day", 86400], ["hour", 3600], ["minute", 60]];

// Recent times as "5 min ago"; the full time stays in the title.
function relativeTimes() {
  for (const time of document.querySelectorAll(".when time, .told time")) {
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    if (seconds > 0 || seconds < -7 * 86400) continue;
    const [unit, size] = STEPS.find(([, size]) => -seconds >= size) ?? ["minute", 60];
    time.textContent = RELATIVE.format(Math.round(seconds / size), unit);
  }
}

// What scrolls within a post can be reached with the keyboard; some browsers see to that themselves.
function scrollers() {
  const observer = new ResizeObserver((changes) => {
    for (const { target } of changes) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  for (const box of document.querySelectorAll(".prose :is(pre, table), .prose > :has(math)")) observer.observe(box);
}

// How many characters are left: addresses count 23, mentions without their server, as the server counts.
function length(text) {
  const counted = text
    .replace(/https?:\/\/\S+/gi, "x".repeat(23))
    .replace(/(^|[^\w/])@(\w+)@[\w.:-]+\w/g, "$1@$2");
  return [...new Intl.Segmenter().segment(counted)].length;
}

function counter(area) {
  const output = area.form.querySelector("[data-count]");
  const warning = area.form.querySelector("#summary");
  const show = () => {
    const left = Number(area.dataset.counter) - length(area.value) - length(warning?.value ?? "");
    output.textContent = left < 500 ? `${left} left` : "";
    output.classList.toggle("bad", left < 0);
  };
  area.form.addEventListener("input", show);
  show();
}

// What is being written survives a closed tab, on this device only, until it is sent.
function draft(form) {
  const key = `draft:${form.dataset.draft}`;
  const area = form.elements.text;
  const before = area.defaultValue;
  try {
    const kept = localStorage.getItem(key);
    if (kept && kept !== before && !document.querySelector("[role=alert]")) area.value = kept;
    let waiting;
    area.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        if (area.value && area.value !== before) localStorage.setItem(key, area.value);
        else localStorage.removeItem(key);
      }, 500);
    });
    form.addEventListener("submit", () => {
      clearTimeout(waiting);
      localStorage.removeItem(key);
    });
  } catch {
    // Storage is forbidden or full: there are no drafts then.
  }
}

// A menu closes when something else is clicked, or with Escape.
function menus() {
  const close = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(except)) menu.open = false;
  };
  document.addEventListener("click", (event) => close(event.target));
  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
}

// Two clicks are one post.
for (const form of document.querySelectorAll("form[method=post]")) {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
    setTimeout(() => { sent = false; }, 5000);
  });
}

for (const form of document.querySelectorAll("form[data-draft]")) draft(form);
for (const area of document.querySelectorAll("textarea[data-counter]")) counter(area);
menus();
relativeTimes();
scrollers();
setInterval(relativeTimes, 60_000);
