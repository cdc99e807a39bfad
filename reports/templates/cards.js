// Cards: a name anywhere opens what is known of it, over the view, with its values and pictures; back and Escape close it.

const CARD_PICTURES = 8;

const keysOf = new Map();
/** Whether the shown board has a card of this key. */
function hasCard(key) {
  if (!keysOf.has(state.run)) keysOf.set(state.run, new Set([...document.querySelectorAll(`#view-cards [data-run="${state.run}"] [data-key]`)].map((node) => node.dataset.key)));
  return keysOf.get(state.run).has(key);
}

/** Text with every method's title in it as a link to its card, longer titles first. */
function linked(text) {
  const known = board().methods.filter((m) => m.title.trim()).sort((a, b) => b.title.length - a.title.length);
  let nodes = [text];
  for (const m of known) {
    nodes = nodes.flatMap((node) => {
      if (typeof node !== "string") return [node];
      return node.split(m.title).flatMap((part, i) => (i ? [cardLink("method", m.method, m.title), part] : [part]));
    });
  }
  return nodes.filter((n) => n !== "");
}

/** Opens a card as a new entry of the history; the view below stays as it is. */
function openCard(key) {
  if (key === state.card) return;
  state.card = key;
  writeAddress({ cards: (history.state?.cards || 0) + 1 });
  drawCard();
}

/** Back to the view below: over all cards that were opened one from another. */
function closeCard() {
  if (!state.card) return;
  state.card = "";
  const opened = history.state?.cards || 0;
  if (opened) history.go(-opened);
  else writeAddress();
}

function drawCard() {
  const dialog = document.getElementById("card");
  if (!state.card) { if (dialog.open) dialog.close(); return; }
  const [kind] = state.card.split(":");
  const id = state.card.slice(kind.length + 1);
  const source = [...document.querySelectorAll(`#view-cards [data-run="${state.run}"] [data-key]`)].find((node) => node.dataset.key === state.card);
  document.getElementById("card-title").textContent = source ? source.querySelector("h4").textContent : id;
  dialog.style.setProperty("--c", kind === "method" && methodCard(id).hue >= 0 ? `var(--h${methodCard(id).hue})` : "var(--rule)");
  fill("card-body", source ? [...source.querySelector("[data-about]").cloneNode(true).childNodes, ...cardParts(kind, id)] : [el("p", { class: "missing" }, "Not on this page: none of its runs has a card of this name.")]);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

/** What a card shows besides its words: values in every condition, pictures, and where to go on. */
function cardParts(kind, id) {
  if (kind === "method") return methodParts(id);
  const output = context().split("/")[2];
  const keys = board().contexts.map(([d, o]) => contextKey(d, o, output));
  if (kind === "metric") {
    const all = availableColumns();
    const target = judge()?.[1] ?? "";
    const columns = [...all.image.filter((c) => c.split(":")[1] === id), ...all.person.filter((c) => c === `v:${id}@${target}:UT` || c === `v:${id}@:UT`), ...all.cost.filter((c) => c === `c:${id}`).slice(0, 1)];
    return columns.length ? [el("h3", {}, "Its values"), ...columns.map((c) => everywhereTable(c, c[0] === "c" ? keys.slice(0, 1) : keys))] : [];
  }
  if (kind === "matcher") {
    const judged = keys.filter((key) => (board().judges[key] || []).some((j) => j[0] === id));
    if (!judged.length) return [el("p", { class: "missing" }, "It judged nothing on this page.")];
    const [, target, metric] = board().judges[judged[0]].find((j) => j[0] === id);
    return [el("h3", {}, "What it says of every method"), asJudge(id, () => everywhereTable(`v:${metric}@${target ?? ""}:UT`, judged))];
  }
  const there = Object.entries(board().verdicts).filter(([key]) => key.split("/")[kind === "dataset" ? 0 : 1] === id);
  return there.length ? [el("h3", {}, "What was found there"), el("ul", { class: "found" }, there.map(([key, v]) => {
    const [ds, oc, out] = key.split("/");
    return el("li", {}, el("button", { type: "button", class: "link", onclick: () => leaveCard({ view: "overview", ds, oc, out }) }, contextWords(key)), `: ${v.headline}`);
  }))] : [];
}

/** Draws something as another judge sees it. */
function asJudge(matcher, drawn) {
  const before = state.judge;
  state.judge = matcher;
  try { return drawn(); } finally { state.judge = before; }
}

/** From a card to another view: the card is left behind in the history, so that back returns to it. */
function leaveCard(changes) {
  state.card = "";
  document.getElementById("card").close();
  Object.assign(state, changes);
  settle();
  writeAddress({ cards: 0 });
  draw();
  scrollTo(0, 0);
}

function methodParts(id) {
  return [conditionsOf(id), picturesOf(id)].filter(Boolean).flat();
}

/** A method's row in every context, with the leaderboard's columns. */
function conditionsOf(method) {
  const all = availableColumns();
  const columns = defaultColumns(all).filter((c) => c[0] !== "c" || c === "c:failed").map(describe);
  const keys = board().contexts.flatMap(([d, o]) => board().outputs.map((out) => contextKey(d, o, out))).filter((key) => columns.some((c) => cellOf(c.id, method, key)));
  if (!keys.length) return null;
  return [el("h3", {}, "Its values in every condition"), makeTable({
    name: `conditions-${method}`, caption: [...(judge() ? ["judge: ", cardLink("matcher", state.judge), "; "] : []), "green: best of all methods there"],
    columns: [{ id: "where", label: "Where" }, ...columns],
    rows: keys.map((key) => ({ head: el("span", {}, contextLinks(key)), cells: columns.map((c) => figureCell(c, cellOf(c.id, method, key), markOf(c, method, key))) })),
  })];
}

/** Whether a method is best or second of all in one column of one context. */
function markOf(column, method, key) {
  const cells = board().methods.map((m) => cellOf(column.id, m.method, key));
  return contest(cells, column.higher).get(board().methods.findIndex((m) => m.method === method));
}

function picturesOf(method) {
  const output = galleryOutput();
  const samples = board().gallery.filter((g) => (g.methods[method]?.[output] ?? null) !== null);
  if (!samples.length) return null;
  const one = (number, words) => (number === null ? null : el("figure", {}, el("img", { src: imageSource(number), alt: words, loading: "lazy" }), el("figcaption", {}, words)));
  return [el("h3", {}, "Its pictures"), el("div", { class: "faces" }, samples.slice(0, CARD_PICTURES).map((g) => el("section", { class: "case" },
    el("p", { class: "note" }, `${g.sample}; ${g.dataset}, ${g.occlusion}`),
    el("div", { class: "triptych" }, one(g.occluded, "Occluded"), one(g.methods[method][output], "Restored"), one(g.truth, "Truth"))))),
  el("p", {}, el("button", { type: "button", onclick: () => leaveCard({ view: "gallery", gm: method, gi: "0" }) }, `All ${samples.length} in the gallery`), " ",
    el("button", { type: "button", onclick: () => leaveCard({ view: "compare", a: method, b: "" }) }, "Set it against another"))];
}

function startCards() {
  const dialog = document.getElementById("card");
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-card]");
    // a click that asks for another tab or window gets it
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    openCard(link.dataset.card);
  });
  dialog.addEventListener("close", closeCard);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.getElementById("card-close").addEventListener("click", () => dialog.close());
}
