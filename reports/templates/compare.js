// A against B: the run's own paired differences of two methods, and the faces that each of them wins.

/** The two methods to compare: those of the address, else the best and the next of the table's first column. */
function comparedMethods() {
  const ids = board().methods.map((m) => m.method).filter((m) => m !== "untouched");
  const columns = shortColumns(availableColumns()).slice(0, 1).map(describe);
  const order = sortRows(leaderboardRows(columns, [context()]), columns, currentSort(columns)).map((r) => r.method).filter((m) => m !== "untouched");
  const best = board().verdicts[context()]?.best;
  const a = state.a || (best && best !== state.b ? best : [...order, ...ids].find((m) => m !== state.b)) || "";
  return [a, state.b || [...order, ...ids].find((m) => m !== a) || ""];
}

/** The pair's stored differences in the shown context as "metric:region" -> [row, sign]; sign turns it into A minus B. */
function storedDifferences(a, b) {
  const found = new Map();
  for (const r of rowsOf("differences", context())) {
    const sign = r.method_a === a && r.method_b === b ? 1 : r.method_a === b && r.method_b === a ? -1 : 0;
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

/** Every value that can be set side by side: [column, matcher], recognition by each judge first. */
function comparedColumns() {
  const judges = (board().judges[context()] || []).map((j) => j[0]);
  const person = judges.flatMap((matcher) => asJudge(matcher, () => availableColumns().person.filter((c) => c.endsWith(":UT")).map((c) => [c, matcher])));
  return [...person, ...availableColumns().image.map((c) => [c, ""])];
}

/**
 * Every value of both methods with the run's paired difference where it holds one:
 * {id, matcher, column, cells, row, sign, side}; side is 0 where A is better, 1 where B is, 2 where they are not told apart,
 * 3 where the judge took part in the training of either and decides nothing.
 */
function comparisons(a, b) {
  const stored = storedDifferences(a, b);
  return comparedColumns().flatMap(([id, matcher]) => {
    const read = () => {
      const column = describe(id);
      const cells = [cellOf(id, a, context()), cellOf(id, b, context())];
      if (!cells.some((c) => c && asNumber(c.value) !== null)) return [];
      const [row = null, sign = 1] = stored.get(differenceKey(id, matcher)) || [];
      const side = row === null ? null : cells.some((c) => c?.flag === "†") ? 3 : !row.significant ? 2 : (sign * row.difference > 0) === column.higher ? 0 : 1;
      return [{ id, matcher, column, cells, row, sign, side }];
    };
    return matcher ? asJudge(matcher, read) : read();
  });
}

function sideWords(side, a, b) {
  return [["m-same", `● ${methodCard(a).title} is better`], ["m-different", `○ ${methodCard(b).title} is better`], ["note", "· not told apart"], ["note", "† no independent judge"]][side];
}

function drawCompare() {
  const [a, b] = comparedMethods();
  const listed = board().methods.map((m) => [m.method, m.title]);
  const known = (id) => listed.some(([m]) => m === id);
  const options = (id) => (known(id) ? listed : [[id, `${id} (not on this page)`], ...listed]);
  fill("compare-tools", select("A", a, options(a), (value) => choose({ a: value, b })), select("B", b, options(b), (value) => choose({ a, b: value })),
    el("button", { type: "button", onclick: () => choose({ a: b, b: a }) }, "Swap"),
    el("a", { href: addressOf({ a, b }), id: "share" }, "Link to this comparison"));
  const missing = [a, b].filter((id) => !known(id));
  if (missing.length || a === b) {
    fill("compare", el("p", { class: "missing", id: "absent" }, missing.length ? `${missing.map((m) => `“${m}”`).join(" and ")}: not on this page. Choose from the methods above.` : "Choose two different methods."));
    return;
  }
  const found = comparisons(a, b);
  fill("compare", comparedSentence(a, b, found), comparedTable(a, b, found), comparedFaces(a, b));
}

function comparedSentence(a, b, found) {
  const paired = found.filter((c) => c.side !== null);
  const of = (side) => paired.filter((c) => c.side === side).length;
  const words = paired.length ? `Of ${paired.length} paired difference${paired.length > 1 ? "s" : ""} here, ${methodCard(a).title} is better in ${of(0)}, ${methodCard(b).title} in ${of(1)}; ${of(2)} ${of(2) === 1 ? "is" : "are"} not told apart${of(3) ? `, and ${of(3)} ${of(3) === 1 ? "has" : "have"} no independent judge` : ""}.`
    : "No paired difference of these two is stored here: they come from two runs, or one of them restored nothing. Their values stand side by side; overlapping intervals prove nothing.";
  return el("p", { class: "card", id: "compare-answer", "aria-live": "polite" }, linked(words));
}

function comparedTable(a, b, found) {
  const trimmed = board().left_out.filter((words) => words.startsWith("differences"));
  const rows = [...found].sort((x, y) => Number(x.row === null) - Number(y.row === null)).map((c) => ({
    class: c.row ? "paired" : "unpaired",
    head: el("span", {}, cardLink("metric", c.column.metric, c.column.label), el("span", { class: "sub" }, c.column.sub, c.matcher ? [", ", cardLink("matcher", c.matcher)] : null)),
    cells: [...c.cells.map((cell) => figureCell(c.column, cell ? { ...cell, group: null } : null, "")), ...pairedCells(c, a, b, trimmed.length > 0)],
  }));
  return el("div", {}, makeTable({
    name: `compare-${a}-${b}`, caption: [...contextLinks(context()), "; A − B with its 95 % interval over people, p after Holm"],
    columns: [{ id: "m", label: "Value" }, { id: "a", label: "A", sub: methodCard(a).title, card: `method:${a}` }, { id: "b", label: "B", sub: methodCard(b).title, card: `method:${b}` }, { id: "d", label: "A − B" }, { id: "p", label: "p" }, { id: "w", label: "Which is better?", word: true }],
    rows,
  }), trimmed.length ? el("p", { class: "note" }, `To stay small this page leaves out ${trimmed.join(" and ")}; bench report RUN --tables DIR writes them all.`) : null);
}

/** The difference with its interval, its p value, and what follows; where the run holds none, that. */
function pairedCells({ row, sign, column, side }, a, b, trimmed) {
  if (row === null) return [el("td", {}, "–"), el("td", {}, "–"), el("td", { class: "word note" }, trimmed ? "left out of this page, or not stored" : "no paired test is stored")];
  const shown = (value) => figure(column.metric, value, true);
  const turned = (value) => (asNumber(value) === null ? null : sign * value);
  const [low, high] = sign > 0 ? [row.low, row.high] : [turned(row.high), turned(row.low)];
  const [look, words] = sideWords(side, a, b);
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

/** The gallery's faces of both methods with the score's difference, in A's favour first. */
function facesApart(a, b, score) {
  const [dataset, occlusion, output] = context().split("/");
  const has = (g, m) => (g.methods[m]?.[output] ?? null) !== null;
  const up = scoreIsHigher(score) ? 1 : -1;
  return board().gallery.filter((g) => g.dataset === dataset && g.occlusion === occlusion && has(g, a) && has(g, b))
    .map((g) => ({ sample: g, values: [a, b].map((m) => asNumber(g.methods[m].scores[score])) }))
    .map((f) => ({ ...f, gain: f.values.includes(null) || f.values[0] === f.values[1] ? 0 : up * (f.values[0] - f.values[1]) }))
    .sort((x, y) => y.gain - x.gain);
}

function comparedFaces(a, b) {
  const output = context().split("/")[2];
  const scores = galleryScores(output);
  const score = scores.includes(state.gk) ? state.gk : scores.find((k) => k.startsWith(`similarity/${state.judge}`)) || scores[0] || "";
  const faces = facesApart(a, b, score);
  if (!faces.length) return el("div", {}, el("h3", {}, "Face by face"), el("p", { class: "missing" }, "The run folder holds no face that both restored here."));
  const at = Math.min(Math.max(0, Number(state.fi) || 0), faces.length - 1);
  const { sample } = faces[at];
  const metric = score.split("/")[0];
  const name = score.split("/").filter((part) => part !== output).join("/");
  const won = facesWon(a, b, name);
  const told = (f) => (f.values.includes(null) ? "no value" : f.gain === 0 ? "equal" : `${f.gain > 0 ? "A" : "B"} by ${figure(metric, Math.abs(f.values[0] - f.values[1]))}`);
  const picture = (m) => imageSource(sample.methods[m][output]);
  return el("div", {}, el("h3", {}, "Face by face"),
    el("div", { class: "tools" }, scores.length > 1 ? select("Sorted by", score, scores.map((k) => [k, k.replaceAll("/", ", ")]), (gk) => choose({ gk, fi: "0" })) : null),
    won ? el("p", { class: "note", id: "won" }, `${name.replaceAll("/", ", ")}: A is better on ${won.won} and B on ${won.lost} of the ${won.n} faces whose values the board keeps. A count is no test: the intervals above are.`) : null,
    el("div", { class: "viewer" },
      el("div", {}, pictureSlider("versus", [picture(a), `A: ${methodCard(a).title}`], [picture(b), `B: ${methodCard(b).title}`], "Divider between A and B"),
        el("p", { class: "note", id: "versus-place" }, `${sample.sample}: ${told(faces[at])} (A ${figure(metric, faces[at].values[0])}, B ${figure(metric, faces[at].values[1])})`),
        el("div", { class: "triptych" }, [["Occluded", sample.occluded], ["Truth", sample.truth]].filter(([, n]) => n !== null).map(([words, n]) => el("figure", {}, el("img", { src: imageSource(n), alt: words }), el("figcaption", {}, words))))),
      el("div", {}, el("p", { class: "note" }, "The gallery's faces, A's clearest wins first, B's last."), el("div", { class: "duels" }, faces.map((f, i) => el("button", {
        type: "button", "aria-pressed": String(i === at), "aria-label": `${f.sample.sample}: ${told(f)}`, "data-face": i, onclick: () => { choose({ fi: String(i) }); document.querySelector(`[data-face="${i}"]`)?.focus(); },
      }, el("img", { src: imageSource(f.sample.methods[a][output]), alt: "", loading: "lazy" }), el("img", { src: imageSource(f.sample.methods[b][output]), alt: "", loading: "lazy" }), el("span", { class: f.gain > 0 ? "m-same" : f.gain < 0 ? "m-different" : "note" }, told(f))))))));
}
