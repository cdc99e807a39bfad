// Overview: the answer, its faces, the first rows of the table, and every other condition's answer.

const SHORT_ROWS = 5;

function drawOverview() {
  const run = document.querySelector(`#view-overview [data-run="${state.run}"]`);
  const found = board().verdicts[context()];
  const article = run.querySelector("[data-verdict]");
  const best = found?.best ?? null;
  article.style.setProperty("--c", best ? (methodCard(best).hue < 0 ? "var(--h-untouched)" : `var(--h${methodCard(best).hue})`) : "var(--rule)");
  run.querySelector("[data-eyebrow]").replaceChildren(`${board().names}: `, ...contextLinks(context()), ...judgeLinks());
  run.querySelector("[data-headline]").replaceChildren(...(found ? linked(found.headline) : ["This run has no results here."]));
  drawAnswers(found?.points || []);
  const all = availableColumns();
  const methods = board().methods.filter((m) => m.method !== "untouched").length;
  const shown = state.all ? Infinity : SHORT_ROWS;
  fill("short", leaderboardTable(shortColumns(all), { sortable: false, keys: [context()], name: "summary", first: shown, bare: true }),
    methods > SHORT_ROWS ? el("button", { type: "button", id: "more", "aria-expanded": String(Boolean(state.all)), onclick: () => { choose({ all: state.all ? "" : "1" }); document.getElementById("more")?.focus(); } },
      state.all ? `Show the first ${SHORT_ROWS} only` : `Show all ${methods} methods`) : null,
    methods > 1 ? [" ", el("button", { type: "button", id: "against", onclick: () => { choose({ view: "compare", a: "", b: "" }); scrollTo(0, 0); } }, "Set the first two against each other")] : null);
  const dependent = dependentMethods().size ? ` † ${state.judge} took part in this method's training and is no independent judge of it: its figures never win.` : "";
  document.getElementById("short-note").replaceChildren(...terms(`Green is best; a tinted cell cannot be told from it. Letters are rank groups: a group cannot be told from its first method.${dependent} Below each figure stands its 95 % interval.`));
  drawFaces(run.querySelector("[data-faces]"), best);
  const plots = inOrder([`pareto/${context()}/person`], [`pareto/${context()}/picture`]).filter((k) => figureTemplate(k)).slice(0, 1);
  fillPlots("overview", plots);
  for (const part of [document.getElementById("speed-title"), document.querySelector('[data-plots="overview"]')]) part.hidden = !plots.length; // a run without speeds
  drawElsewhere();
}

/** Every context's answer, and of every method in each of them the figure that the answer is by: the judge's, or the picture's. */
function drawElsewhere() {
  const output = context().split("/")[2];
  const keys = board().contexts.map(([d, o]) => contextKey(d, o, output));
  const others = Object.entries(board().verdicts);
  if (others.length < 2) { fill("contexts"); return; }
  const place = (key) => { const [ds, oc, out] = key.split("/"); return { ds, oc, out }; };
  const answers = makeTable({
    name: "verdicts", columns: [{ id: "where", label: "Where" }, { id: "answer", label: "Answer", word: true }],
    rows: others.map(([key, v]) => ({ head: el("button", { type: "button", class: "link", "aria-pressed": String(key === context()), onclick: () => { choose(place(key)); scrollTo(0, 0); } }, contextWords(key)), cells: [v.headline] })),
  });
  const [, target, metric] = judge() || [];
  const main = board().pictures[context()];
  const [id = null] = inOrder(judge() ? [`v:${metric}@${target ?? ""}:UT`] : [], main ? [`i:${main.join(":")}`] : []);
  if (!id || keys.length < 2) { fill("contexts", el("h3", {}, "The same question elsewhere"), answers); return; }
  fill("contexts", el("h3", {}, `${describe(id).label.split(",")[0]} under every condition`), everywhereTable(id, keys), el("h3", {}, "The same question elsewhere"), answers);
}

/** One column's value of every method in every context, best in the shown context first. */
function everywhereTable(id, keys) {
  const column = describe(id);
  const byKey = keys.map((key) => board().methods.map((m) => cellOf(id, m.method, key)));
  const marks = byKey.map((cells) => contest(cells, column.higher));
  const here = Math.max(0, keys.indexOf(context()));
  const worth = (i) => asNumber(byKey[here][i]?.value) ?? NaN;
  const order = board().methods.map((_, i) => i).filter((i) => keys.some((_, k) => byKey[k][i]))
    .sort((a, b) => (Number.isNaN(worth(a)) - Number.isNaN(worth(b))) || (column.higher ? worth(b) - worth(a) : worth(a) - worth(b)));
  return makeTable({
    name: "everywhere", caption: [cardLink("metric", column.metric, column.label), ` (${column.sub})`, ...(id[0] === "v" ? judgeLinks() : []), `; ${keys[here].split("/")[2]}; ${column.higher ? "higher" : "lower"} is better`],
    columns: [{ id: "m", label: "Method" }, ...keys.map((key) => ({ id: key, card: `occlusion:${key.split("/")[1]}`, label: key.split("/")[1], sub: key.split("/")[0] }))],
    rows: order.map((i) => ({ head: methodName(board().methods[i].method), class: board().methods[i].method === "untouched" ? "floor" : null, cells: keys.map((_, k) => figureCell(column, byKey[k][i], marks[k].get(i))) })),
  });
}

/** The first answer beside the faces, the others below the table; each word is explained at its first place. */
function drawAnswers(points) {
  const seen = new Set();
  const made = points.map((p) => el("div", {}, el("dt", {}, p.question), el("dd", {}, terms(p.answer, seen))));
  const [first, rest] = document.querySelectorAll(`#view-overview [data-run="${state.run}"] [data-answers]`);
  first.replaceChildren(...made.slice(0, 1));
  rest.replaceChildren(...made.slice(1));
}

/** Samples of the shown context that a method has a picture of, best first by what the answer is by: the judge's similarity, or the picture's metric. */
function rankedFaces(method) {
  const [dataset, occlusion, output] = context().split("/");
  const samples = board().gallery.filter((g) => g.dataset === dataset && g.occlusion === occlusion && (g.methods[method]?.[output] ?? null) !== null);
  const scores = galleryScores(output);
  const wanted = inOrder([`similarity/${state.judge}`], [(board().pictures[context()] || []).join("/")]).filter((w) => w && w !== "similarity/");
  const known = wanted.map((w) => scores.find((k) => k.startsWith(w))).filter(Boolean);
  // people with one photograph stand in no trial and have no similarity: a figure that hardly a face has hides the others
  const enough = (k) => samples.filter((g) => asNumber(g.methods[method].scores[k]) !== null).length >= Math.min(3, samples.length);
  const score = [...known, ...scores].find(enough) || known[0] || scores[0];
  const of = (g) => asNumber(g.methods[method].scores[score]);
  const ordered = samples.filter((g) => of(g) !== null).sort((a, b) => (scoreIsHigher(score) ? 1 : -1) * (of(b) - of(a)));
  return { samples: ordered.length ? ordered : samples, score, of };
}

/** Occluded, restored and true face: a typical case of the named method and its worst one. */
function drawFaces(where, best) {
  const output = context().split("/")[2];
  const shown = best || board().methods.map((m) => m.method).find((m) => m !== "untouched");
  const { samples, score, of } = rankedFaces(shown);
  if (!samples.length) { where.replaceChildren(el("p", { class: "missing" }, "No pictures of this method came with the results.")); return; }
  const one = (number, words) => (number === null ? null : el("figure", {}, el("img", { src: imageSource(number), alt: words }), el("figcaption", {}, words)));
  const said = (g) => { const value = score ? of(g) : null; return value === null ? "" : `, ${score.split("/")[0]} ${figure(score.split("/")[0], value)}`; };
  const all = el("button", { type: "button", class: "link", onclick: () => choose({ view: "gallery", gm: shown, go: "worst", gk: score || "", gi: "0" }) }, `all ${samples.length}, worst first`);
  const row = (g, words, more) => el("section", { class: "case" }, el("p", { class: "note" }, `${words}${said(g)}`, more ? ["; ", more] : null),
    el("div", { class: "triptych" }, one(g.occluded, "Occluded"), one(g.methods[shown][output], `Restored by ${methodCard(shown).title}`), one(g.truth, "Truth")));
  const typical = row(samples[Math.floor((samples.length - 1) / 2)], samples.length > 2 ? "A typical face" : "A face");
  where.replaceChildren(typical, ...(samples.length > 1 ? [row(samples[samples.length - 1], "Its worst case here", all)] : []));
}
