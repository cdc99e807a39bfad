// Filters, tabs, theme, and drawing the view that is open.

const VIEWS = { overview: drawOverview, leaderboard: drawLeaderboard, recognition: drawRecognition, agreement: drawAgreement, speed: drawSpeed, slices: drawSlices, gallery: drawGallery, compare: drawCompare };

function drawFilters() {
  const focused = document.activeElement?.closest("#filters label")?.dataset.field;
  const caret = focused === "q" ? document.activeElement.selectionStart : null;
  const all = board().contexts;
  const withAll = (values) => [...values.map((v) => [v, v]), ...(values.length > 1 ? [["all", "all"]] : [])];
  const datasets = [...new Set(all.map((c) => c[0]))];
  const occlusions = [...new Set(all.filter((c) => state.ds === "all" || c[0] === state.ds).map((c) => c[1]))];
  const judges = (board().judges[context()] || []).map((j) => j[0]);
  const fields = [
    ["run", BOARDS.length > 1 ? select("Run", state.run, BOARDS.map((b, i) => [String(i), b.names]), (run) => choose({ ...DEFAULTS, view: state.view, run })) : null],
    ["ds", select("Dataset", state.ds, withAll(datasets), (ds) => choose({ ds }))],
    ["oc", select("Occlusion", state.oc, withAll(occlusions), (oc) => choose({ oc }))],
    ["out", select("Output", state.out, withAll(board().outputs), (out) => choose({ out }))],
    ["judge", judges.length ? select("Judge", state.judge, judges.map((j) => [j, j]), (value) => choose({ judge: value })) : null],
  ].filter(([, node]) => node);
  for (const [name, node] of fields) node.dataset.field = name;
  fill("filters", fields.map(([, node]) => node), methodFilters());
  document.getElementById("chosen").textContent = [contexts().length > 1 ? `${contexts().length} conditions` : contextWords(context()), state.judge ? `judge ${state.judge}` : "", isFiltered() ? "some methods" : ""].filter(Boolean).join("; ");
  const field = focused ? document.querySelector(`#filters [data-field="${focused}"] :is(select, input)`) : null;
  field?.focus();
  if (caret !== null) field?.setSelectionRange(caret, caret);
}

function draw() {
  for (const section of document.querySelectorAll(".view")) section.hidden = section.id !== `view-${state.view}`;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const on = tab.dataset.view === state.view;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
    if (on) tab.parentElement.scrollLeft = Math.max(0, tab.offsetLeft - tab.parentElement.offsetLeft - 24);
  }
  for (const part of document.querySelectorAll("[data-run]")) part.hidden = part.dataset.run !== state.run;
  document.getElementById("choices").hidden = !(state.view in VIEWS);
  drawFilters();
  drawLegends();
  VIEWS[state.view]?.();
}

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const button = document.getElementById("theme");
  button.setAttribute("aria-pressed", String(dark));
  button.textContent = dark ? "Light" : "Dark";
}

function start() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  setTheme(dark.matches);
  dark.addEventListener("change", (event) => setTheme(event.matches));
  document.getElementById("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme !== "dark"));
  // a phone's first screen is for the answer and its faces: the choices fold into one line
  const narrow = matchMedia("(max-width: 560px)");
  const fold = () => { document.getElementById("choices").open = !narrow.matches; };
  fold();
  narrow.addEventListener("change", fold);
  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
  const tabs = [...document.querySelectorAll("[role=tab]")];
  for (const tab of tabs) {
    tab.addEventListener("click", () => choose({ view: tab.dataset.view }));
    tab.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      const next = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length];
      choose({ view: next.dataset.view });
      next.focus();
    });
  }
  for (const card of document.querySelectorAll("[data-hue]")) paint(card, Number(card.dataset.hue));
  for (const node of document.querySelectorAll("[data-terms]")) {
    const seen = new Set();
    for (const part of [...node.childNodes]) if (part.nodeType === Node.TEXT_NODE) part.replaceWith(...terms(part.textContent, seen));
  }
  document.addEventListener("click", (event) => {
    // a finger has no hover: a tap shows a word's meaning
    document.getElementById("meaning")?.remove();
    const word = event.target.closest("abbr.term");
    if (!word || word.closest("button, a")) return;
    const box = word.getBoundingClientRect();
    const tip = el("p", { id: "meaning", role: "status" }, word.title);
    document.body.append(tip);
    tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - tip.offsetWidth - 8)) + scrollX}px`;
    tip.style.top = `${box.bottom + 6 + scrollY}px`;
  });
  for (const link of document.querySelectorAll("[data-warnings]")) {
    link.addEventListener("click", (event) => {
      // the address holds the reader's choices, so the link scrolls by hand
      event.preventDefault();
      const list = document.querySelector(link.getAttribute("href"));
      list.open = true;
      list.scrollIntoView({ block: "center" });
      list.firstElementChild.focus({ preventScroll: true });
    });
  }
  for (const node of document.querySelectorAll("#view-published table")) node.parentElement.after(exportButtons(node));
  document.addEventListener("keydown", galleryKey);
  document.addEventListener("pointerover", pointAt);
  document.addEventListener("click", (event) => {
    const picker = document.querySelector(".picker[open]");
    if (picker && !picker.contains(event.target) && document.contains(event.target)) picker.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const picker = document.querySelector(".picker[open]");
    if (event.key === "Escape" && picker) { picker.open = false; picker.firstElementChild.focus(); }
  });
  startCards();
  addEventListener("hashchange", () => {
    const before = addressOf({ card: "" });
    readAddress();
    // a card lies over the view: the view, and the focus in it, stay
    if (addressOf({ card: "" }) !== before) draw();
    drawCard();
  });
  addEventListener("beforeprint", () => {
    for (const drawing of Object.values(VIEWS)) drawing();
    // what is needed to quote a figure; records, suites and tables that a reader left folded would be pages of their own
    for (const part of document.querySelectorAll("details:is(.warnings, .words):not([open])")) { part.open = true; part.dataset.printed = ""; }
    // paper has no scrolling by which a picture would be asked for
    for (const picture of document.images) picture.loading = "eager";
  });
  addEventListener("afterprint", () => {
    for (const part of document.querySelectorAll("details[data-printed]")) { part.open = false; delete part.dataset.printed; }
  });
  readAddress();
  draw();
  drawCard();
}

start();
