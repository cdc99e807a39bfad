// A against B: paired differences of two methods, of one run or of two, and the faces that each of them wins.

/**
 * The two methods to compare: those of the address, else the best and the next of the table's first column; of another run,
 * the method of A's name there, else its best. {a, b, run: B's board, apart: it is not A's, cards, titles}
 */
function comparedPair() {
  const ids = board().methods.map((m) => m.method).filter((m) => m !== "untouched");
  const columns = shortColumns(availableColumns()).slice(0, 1).map(describe);
  const order = sortRows(leaderboardRows(columns, [context()]), columns, currentSort(columns)).map((r) => r.method).filter((m) => m !== "untouched");
  const best = board().verdicts[context()]?.best;
  const run = runOfB();
  const apart = run !== state.run;
  const a = state.a || (best && (apart || best !== state.b) ? best : [...order, ...ids].find((m) => apart || m !== state.b)) || "";
  const there = BOARDS[Number(run)].methods.map((m) => m.method);
  const b = state.b || (apart ? [a, ...there.filter((m) => m !== "untouched")].find((m) => there.includes(m)) : [...order, ...ids].find((m) => m !== a)) || "";
  const cards = [methodCard(a), asRun(run, () => methodCard(b))];
  const titles = apart ? [`${cards[0].title} (${boardName(state.run)})`, `${cards[1].title} (${boardName(run)})`] : cards.map((c) => c.title);
  return { a, b, run, apart, cards, titles };
}

/** The pair's stored differences in the shown context as "metric:region" -> [row, sign]; sign turns it into A minus B. */
function storedDifferences({ a, b, run, apart }) {
  const found = new Map();
  const between = apart ? betweenBoards(run) : null;
  for (const r of between ? between.rows.filter((row) => contextKey(row.dataset, row.occlusion, row.output) === context()) : rowsOf("differences", context())) {
    const [first, second] = [r.method_a === a && r.method_b === b, r.method_a === b && r.method_b === a];
    const sign = between ? (between.turned ? (second ? -1 : 0) : Number(first)) : first ? 1 : second ? -1 : 0;
    if (sign) found.set(`${r.metric}:${r.region}`, [r, sign]);
  }
  return found;
}

/** "metric:region" of a column as the paired differences name it: biometric ones by the judge they belong to. */
function differenceKey(column, matcher) {
  if (column[0] === "i") return column.slice(2);
  const [metric, target] = column.slice(2).split(/[@:]/);
  return `${metric}${target ? `@${target}` : ""}:${matcher}`;
}

/** Every value that can be set side by side: [column, matcher], what the answer is by first. */
function comparedColumns() {
  const judges = (board().judges[context()] || []).map((j) => j[0]);
  const [by, target, metric] = judge() || [];
  const answer = ([c, matcher]) => Number(c !== `v:${metric}@${target ?? ""}:UT` || matcher !== by);
  const person = judges.flatMap((matcher) => asJudge(matcher, () => availableColumns().person.filter((c) => c.endsWith(":UT")).map((c) => [c, matcher]))).sort((x, y) => answer(x) - answer(y));
  return inOrder(person, availableColumns().image.map((c) => [c, ""]));
}

/**
 * Every value of both methods with the paired difference where there is one:
 * {id, matcher, column, cells, row, sign, side}; side is 0 where A is better, 1 where B is, 2 where they are not told apart,
 * 3 where the judge took part in the training of either and decides nothing.
 */
function comparisons(pair) {
  const stored = storedDifferences(pair);
  const here = context();
  return comparedColumns().flatMap(([id, matcher]) => {
    const read = () => {
      const column = describe(id);
      const cells = [cellOf(id, pair.a, here), asRun(pair.run, () => cellOf(id, pair.b, here))];
      if (!cells.some((c) => c && asNumber(c.value) !== null)) return [];
      const [row = null, sign = 1] = stored.get(differenceKey(id, matcher)) || [];
      const side = row === null ? null : cells.some((c) => c?.flag === "†") ? 3 : !row.significant ? 2 : (sign * row.difference > 0) === column.higher ? 0 : 1;
      return [{ id, matcher, column, cells, row, sign, side }];
    };
    return matcher ? asJudge(matcher, read) : read();
  });
}

function sideWords(side, titles) {
  return [["m-same", `● ${titles[0]} is better`], ["m-different", `○ ${titles[1]} is better`], ["note", "· not told apart"], ["note", "† no independent judge"]][side];
}

/** The list of methods for B: those of every run, each under its run's name where the page holds several. */
function selectB(pair, options) {
  if (BOARDS.length < 2) return select("B", pair.b, options(pair.b), (value) => choose({ a: pair.a, b: value }));
  const box = el("select", { "aria-label": "B", onchange: (event) => { const [rb, ...b] = event.target.value.split(":"); choose({ a: pair.a, b: b.join(":"), rb: rb === state.run ? "" : rb }); } });
  BOARDS.forEach((one, run) => {
    const mine = String(run) === pair.run;
    const missing = mine && !one.methods.some((m) => m.method === pair.b) ? [{ method: pair.b, title: pair.b ? `${pair.b} (not on this page)` : "–" }] : [];
    box.append(el("optgroup", { label: boardName(run) }, [...missing, ...one.methods].map((m) => el("option", { value: `${run}:${m.method}`, selected: mine && m.method === pair.b }, m.title))));
  });
  return el("label", { class: "field" }, "B", box);
}

function drawCompare() {
  const pair = comparedPair();
  const { a, b } = pair;
  const listed = methodsByRank().map((m) => [m.method, m.title]);
  const known = (id, run = state.run) => BOARDS[Number(run)].methods.some((m) => m.method === id);
  const options = (id) => (known(id) ? listed : [[id, `${id} (not on this page)`], ...listed]);
  fill("compare-tools", select(pair.apart ? `A, of ${boardName(state.run)}` : "A", a, options(a), (value) => choose({ a: value, b })), selectB(pair, options),
    el("button", { type: "button", onclick: () => choose(pair.apart ? { ...DEFAULTS, view: state.view, run: pair.run, rb: state.run, ds: state.ds, oc: state.oc, out: state.out, judge: state.judge, a: b, b: a } : { a: b, b: a }) }, "Swap"),
    el("a", { href: addressOf({ a, b }), id: "share" }, "Link to this comparison"));
  const missing = [[a, state.run], [b, pair.run]].filter(([id, run]) => !known(id, run)).map(([id]) => id);
  if (missing.length || (a === b && !pair.apart)) {
    fill("compare", el("p", { class: "missing", id: "absent" }, b === "" ? "This run holds one method alone: there is nothing of its own to set against it." : missing.length ? `${missing.map((m) => `“${m}”`).join(" and ")}: not on this page. Choose from the methods above.` : "Choose two different methods."), known(a) ? sameMethodElsewhere(a) : null);
    return;
  }
  const found = comparisons(pair);
  fill("compare", comparedSentence(pair, found), sameMethodElsewhere(a), comparedTable(pair, found), comparedFaces(pair));
}

/** Why the pair has no paired difference. */
function noDifference(pair) {
  const side = "Their values stand side by side; overlapping intervals prove nothing.";
  if (!pair.apart) return `No paired difference of these two is stored here: one of them restored nothing, or their values per sample were not at hand. ${side}`;
  const { reason, left_out } = betweenBoards(pair.run);
  const [dataset, occlusion] = context().split("/");
  if (reason) return `There is no paired difference between ${boardName(state.run)} and ${boardName(pair.run)}: ${reason}. ${side}`;
  if (!BOARDS[Number(pair.run)].contexts.some(([d, o]) => d === dataset && o === occlusion)) return `${boardName(pair.run)} has nothing on ${dataset} under ${occlusion}.`;
  return left_out ? `This page leaves out ${left_out} differences between methods of two names in these runs: choose one method in both. ${side}` : `No paired difference of these two is known: they have no sample in common. ${side}`;
}

function comparedSentence(pair, found) {
  const paired = found.filter((c) => c.side !== null);
  const of = (side) => paired.filter((c) => c.side === side).length;
  const same = pair.apart ? " Both runs are of one population: differences are taken over the samples that both hold." : "";
  const words = paired.length ? `Of ${paired.length} paired difference${paired.length > 1 ? "s" : ""} here, ${pair.titles[0]} is better in ${of(0)}, ${pair.titles[1]} in ${of(1)}; ${of(2)} ${of(2) === 1 ? "is" : "are"} not told apart${of(3) ? `, and ${of(3)} ${of(3) === 1 ? "has" : "have"} no independent judge` : ""}.${same}`
    : noDifference(pair);
  return el("p", { class: "card", id: "compare-answer", "aria-live": "polite" }, pair.apart ? words : linked(words));
}

function comparedTable(pair, found) {
  const trimmed = pair.apart ? [] : board().left_out.filter((words) => words.startsWith("differences"));
  const rows = [...found].sort((x, y) => Number(x.row === null) - Number(y.row === null)).map((c) => ({
    class: c.row ? "paired" : "unpaired",
    head: el("span", {}, cardLink("metric", c.column.metric, c.column.label), el("span", { class: "sub" }, c.column.sub, c.matcher ? [", ", cardLink("matcher", c.matcher)] : null)),
    cells: inTableOrder(c.cells.map((cell) => figureCell(c.column, cell ? { ...cell, group: null } : null, "")), pairedCells(c, pair, trimmed.length > 0)),
  }));
  return el("div", {}, makeTable({
    name: `compare-${pair.a}-${pair.b}`, caption: [...contextLinks(context()), "; A − B with its 95 % interval over people, p after Holm"],
    columns: [{ id: "m", label: "Value" }, ...inTableOrder([{ id: "a", label: "A", sub: pair.titles[0], card: `method:${pair.a}` }, { id: "b", label: "B", sub: pair.titles[1], card: pair.apart ? null : `method:${pair.b}` }], [{ id: "d", label: "A − B" }, { id: "p", label: "p" }, { id: "w", label: "Which is better?", word: true }])],
    rows,
  }), trimmed.length ? el("p", { class: "note" }, `To stay small this page leaves out ${trimmed.join(" and ")}; bench report RUN --tables DIR writes them all.`) : null);
}

/** By how much and which is better, then of what: a phone shows the first columns, and these answer. */
function inTableOrder([a, b], [difference, p, which]) { return [difference, which, a, b, p]; }

/** The difference with its interval, its p value, and what follows; where the run holds none, that. */
function pairedCells({ row, sign, column, side }, pair, trimmed) {
  if (row === null) return [el("td", {}, "–"), el("td", {}, "–"), el("td", { class: "word note" }, trimmed ? "left out of this page, or not stored" : pair.apart ? "no paired test" : "no paired test is stored")];
  const shown = (value) => figure(column.metric, value, true);
  const turned = (value) => (asNumber(value) === null ? null : sign * value);
  const [low, high] = sign > 0 ? [row.low, row.high] : [turned(row.high), turned(row.low)];
  const [look, words] = sideWords(side, pair.titles);
  return [
    el("td", { class: "difference" }, shown(turned(row.difference)), el("span", { class: "sub" }, asNumber(low) === null || asNumber(high) === null ? "" : `${shown(low)} to ${shown(high)}`)),
    row.p_holm === null ? "–" : row.p_holm < 0.001 ? "< 0.001" : row.p_holm.toFixed(3),
    el("td", { class: "word" }, el("span", { class: look }, words)),
  ];
}

/** Faces won by A, won by B and compared, over all faces whose values the board keeps; null where it keeps none. */
function facesWon(a, b, score) {
  const counts = board().duels[context()]?.[score];
  if (!counts) return null;
  const ids = board().methods.map((m) => m.method);
  const [i, j] = [ids.indexOf(a), ids.indexOf(b)];
  const [low, high] = [Math.min(i, j), Math.max(i, j)];
  const at = 3 * ((low * (2 * ids.length - low - 1)) / 2 + (high - low - 1));
  const [first, second, n] = counts.slice(at, at + 3);
  return { won: i < j ? first : second, lost: i < j ? second : first, n };
}

/** The gallery's faces of both methods with the score's difference, in A's favour first: {sample, items of A and B, values, gain}. */
function facesApart(pair, score) {
  const [dataset, occlusion, output] = context().split("/");
  const up = scoreIsHigher(score) ? 1 : -1;
  const theirs = new Map(BOARDS[Number(pair.run)].gallery.map((g) => [`${g.dataset}/${g.occlusion}/${g.sample}`, g.methods]));
  return board().gallery.filter((g) => g.dataset === dataset && g.occlusion === occlusion)
    .map((g) => ({ sample: g, items: [g.methods[pair.a], theirs.get(`${dataset}/${occlusion}/${g.sample}`)?.[pair.b]] }))
    .filter((f) => f.items.every((item) => (item?.[output] ?? null) !== null))
    .map((f) => ({ ...f, values: f.items.map((item) => asNumber(item.scores[score])) }))
    .map((f) => ({ ...f, gain: f.values.includes(null) || f.values[0] === f.values[1] ? 0 : up * (f.values[0] - f.values[1]) }))
    .sort((x, y) => y.gain - x.gain);
}

function comparedFaces(pair) {
  const output = context().split("/")[2];
  const scores = galleryScores(output);
  const score = scores.includes(state.gk) ? state.gk : scores.find((k) => k.startsWith(`similarity/${state.judge}`)) || scores[0] || "";
  const faces = facesApart(pair, score);
  if (!faces.length) return el("div", {}, el("h3", {}, "Face by face"), el("p", { class: "missing" }, `The run folder${pair.apart ? "s hold" : " holds"} no face that both restored here.`));
  const at = Math.min(Math.max(0, Number(state.fi) || 0), faces.length - 1);
  const { sample, items } = faces[at];
  const metric = score.split("/")[0];
  const name = score.split("/").filter((part) => part !== output).join("/");
  const won = pair.apart ? null : facesWon(pair.a, pair.b, name);
  const told = (f) => (f.values.includes(null) ? "no value" : f.gain === 0 ? "equal" : `${f.gain > 0 ? "A" : "B"} by ${figure(metric, Math.abs(f.values[0] - f.values[1]))}`);
  return el("div", {}, el("h3", {}, "Face by face"),
    el("div", { class: "tools" }, scores.length > 1 ? select("Sorted by", score, scores.map((k) => [k, k.replaceAll("/", ", ")]), (gk) => choose({ gk, fi: "0" })) : null),
    won ? el("p", { class: "note", id: "won" }, `${name.replaceAll("/", ", ")}: A is better on ${won.won} and B on ${won.lost} of the ${won.n} faces whose values the board keeps. A count is no test: the intervals above are.`) : null,
    el("div", { class: "viewer" },
      el("div", {}, pictureSlider("versus", [imageSource(items[0][output]), `A: ${pair.titles[0]}`], [imageSource(items[1][output]), `B: ${pair.titles[1]}`], "Divider between A and B"),
        el("p", { class: "note", id: "versus-place" }, `${sample.sample}: ${told(faces[at])} (A ${figure(metric, faces[at].values[0])}, B ${figure(metric, faces[at].values[1])})`),
        el("div", { class: "triptych" }, [["Occluded", sample.occluded], ["Truth", sample.truth]].filter(([, n]) => n !== null).map(([words, n]) => el("figure", {}, el("img", { src: imageSource(n), alt: words }), el("figcaption", {}, words))))),
      el("div", {}, el("p", { class: "note" }, "The gallery's faces, A's clearest wins first, B's last."), el("div", { class: "duels" }, faces.map((f, i) => el("button", {
        type: "button", "aria-pressed": String(i === at), "aria-label": `${f.sample.sample}: ${told(f)}`, "data-face": i, onclick: () => { choose({ fi: String(i) }); document.querySelector(`[data-face="${i}"]`)?.focus(); },
      }, f.items.map((item) => el("img", { src: imageSource(item[output]), alt: "", loading: "lazy" })), el("span", { class: f.gain > 0 ? "m-same" : f.gain < 0 ? "m-different" : "note" }, told(f))))))));
}
