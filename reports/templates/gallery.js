// The gallery: one sample at a time with a divider between before and after, every method's picture, and the order to go in.

/** Names of the scores that the gallery holds of an output. */
function galleryScores(shown = galleryOutput()) {
  const found = new Set();
  for (const g of board().gallery) for (const m of Object.values(g.methods)) for (const k of Object.keys(m.scores)) {
    // scores that name an output belong to that output only
    const output = k.split("/").pop();
    if (output === "raw" || output === "composite") { if (output === shown) found.add(k); } else found.add(k);
  }
  return [...found];
}

function galleryOutput() { return state.out === "all" ? "composite" : state.out || "composite"; }

function scoreIsHigher(key) {
  const metric = key.split("/")[0];
  if (metric === "similarity") return true;
  return board().metrics.find((m) => m.metric === metric)?.direction !== "lower";
}

/** The samples in the chosen order, with the methods and score they are ordered by. */
function gallerySamples() {
  const keys = new Set(contexts().map((c) => c.split("/").slice(0, 2).join("/")));
  const samples = board().gallery.filter((g) => keys.has(`${g.dataset}/${g.occlusion}`));
  const methods = [...new Set(samples.flatMap((g) => Object.keys(g.methods)))];
  const best = board().verdicts[context()]?.best;
  const method = methods.includes(state.gm) ? state.gm : methods.includes(best) ? best : methods.find((m) => m !== "untouched") || methods[0];
  const scores = galleryScores();
  const score = scores.includes(state.gk) ? state.gk : scores.find((k) => k.startsWith("similarity/")) || scores[0] || "";
  const up = scoreIsHigher(score) ? 1 : -1;
  const of = (g, m) => asNumber(g.methods[m]?.scores[score]);
  const failed = (g) => Object.values(g.methods).some((m) => m.status !== "ok");
  const spread = (g) => {
    const values = methods.filter((m) => m !== "untouched").map((m) => of(g, m)).filter((v) => v !== null && v !== Infinity);
    return values.length > 1 ? Math.max(...values) - Math.min(...values) : -1;
  };
  let ordered = samples;
  if (state.go === "best" || state.go === "worst") {
    const way = (state.go === "best" ? 1 : -1) * up;
    ordered = samples.filter((g) => of(g, method) !== null).sort((a, b) => way * (of(b, method) - of(a, method)));
  } else if (state.go === "disagree") ordered = samples.slice().sort((a, b) => spread(b) - spread(a));
  else if (state.go === "failed") ordered = samples.filter(failed);
  return { samples: ordered, methods, method, scores, score };
}

let dividerAt = 50;

function drawGallery() {
  const { samples, methods, method, scores, score } = gallerySamples();
  const output = galleryOutput();
  fill("gallery-tools",
    select("Order", state.go, [["stored", "As stored"], ["best", "Best first"], ["worst", "Worst first"], ["disagree", "Methods disagree most"], ["failed", "Failed only"]], (go) => choose({ go, gi: "0" })),
    scores.length ? select("By score", score, scores.map((k) => [k, k.replaceAll("/", ", ")]), (gk) => choose({ gk, gi: "0" })) : null,
    select("Method", method || "", methods.map((m) => [m, methodCard(m).title]), (gm) => choose({ gm })),
    select("Compare with", samples.some((g) => g.truth !== null) ? state.gb : "occluded", [["occluded", "Occluded"], ...(samples.some((g) => g.truth !== null) ? [["truth", "Truth"]] : [])], (gb) => choose({ gb })),
    el("span", { class: "grow" }),
    el("button", { type: "button", id: "previous", onclick: () => step(-1), disabled: samples.length < 2 }, "← Previous"),
    el("button", { type: "button", id: "next", onclick: () => step(1), disabled: samples.length < 2 }, "Next →"));
  if (!samples.length) { fill("gallery", el("p", { class: "missing" }, state.go === "failed" ? "Nothing failed here." : "The run folder holds no pictures for this choice.")); return; }
  const at = Math.min(Math.max(0, Number(state.gi) || 0), samples.length - 1);
  const sample = samples[at];
  const shown = sample.methods[method];
  fill("gallery",
    el("p", { class: "note", id: "gallery-place", "aria-live": "polite" }, `Sample ${at + 1} of ${samples.length}: ${sample.sample}${sample.identity ? `, ${sample.identity}` : ""}; `, contextLinks(`${sample.dataset}/${sample.occlusion}`), `${sample.coverage === null ? "" : `; ${(100 * sample.coverage).toFixed(0)} % of the face covered`}`),
    el("div", { class: "viewer" },
      el("div", {}, shown && shown[output] !== null ? divider(sample, shown[output], method, output) : el("div", { class: "card missing" }, shown ? `${shown.status}: ${shown.message || "no picture"}` : "No picture of this method."),
        el("p", { class: "note" }, cardLink("method", method, methodCard(method).title), `, ${output}`), strip(samples, at)),
      el("div", {}, contactSheet(sample, method, output), scoreTable(sample, scores, score, method))));
  document.querySelector(".strip [aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function divider(sample, restored, method, output) {
  // behind a worn mask there is no truth to compare with
  const withTruth = state.gb === "truth" && sample.truth !== null;
  const before = withTruth ? [sample.truth, "Truth"] : [sample.occluded, "Occluded"];
  return pictureSlider("divider", [imageSource(before[0]), before[1]], [imageSource(restored), "Restored", `Restored by ${methodCard(method).title} (${output})`], `Divider between ${before[1].toLowerCase()} and restored`);
}

/** Two pictures under one divider that mouse, finger and arrow keys move: each is [source, words, alternative text]. */
function pictureSlider(id, [left, leftWords, leftAlt = leftWords], [right, rightWords, rightAlt = rightWords], label) {
  const holder = el("div", { class: "compare" },
    el("img", { src: right, alt: rightAlt }), el("img", { src: left, class: "before", alt: leftAlt }), el("span", { class: "edge", "aria-hidden": "true" }),
    el("span", { class: "tag left", "aria-hidden": "true" }, leftWords), el("span", { class: "tag right", "aria-hidden": "true" }, rightWords));
  const move = (value) => {
    dividerAt = Number(value);
    holder.style.setProperty("--at", `${dividerAt}%`);
  };
  holder.append(el("input", { type: "range", id, min: 0, max: 100, step: 1, value: dividerAt, "aria-label": label, oninput: (event) => move(event.target.value) }));
  move(dividerAt);
  return holder;
}

function contactSheet(sample, method, output) {
  const fixed = [["truth", "Truth"], ["occluded", "Occluded"], ["mask", "Mask"]].filter(([k]) => sample[k] !== null)
    .map(([k, words]) => el("figure", {}, el("span", { class: "still" }, el("img", { src: imageSource(sample[k]), alt: words, loading: "lazy" })), el("figcaption", {}, words)));
  const each = Object.entries(sample.methods).map(([id, item]) => {
    const absent = item.status.replaceAll("_", " ");
    const button = el("button", { type: "button", "aria-pressed": String(id === method), "aria-label": `Show ${methodCard(id).title}${item[output] === null ? `: ${absent}` : ""}`, hue: methodCard(id).hue, onclick: () => choose({ gm: id }) },
      item[output] === null ? absent : el("img", { src: imageSource(item[output]), alt: "", loading: "lazy" }));
    return el("figure", {}, button, el("figcaption", {}, cardLink("method", id, methodCard(id).title)));
  });
  return el("div", { class: "sheet" }, fixed, each);
}

function scoreTable(sample, scores, score, method) {
  const entries = Object.entries(sample.methods);
  const best = {};
  for (const k of scores) {
    const values = entries.map(([, m]) => asNumber(m.scores[k])).filter((v) => v !== null);
    best[k] = values.length ? (scoreIsHigher(k) ? Math.max(...values) : Math.min(...values)) : null;
  }
  const table_ = makeTable({ name: `sample-${sample.sample}`, caption: "This sample's scores",
    columns: [{ id: "m", label: "Method" }, ...scores.map((k) => ({ id: k, card: k.startsWith("similarity/") ? `matcher:${k.split("/")[1]}` : `metric:${k.split("/")[0]}`, label: k.split("/")[0], sub: k.split("/").slice(1).filter((x) => x !== galleryOutput()).join(", ") + (k === score ? " ◂" : "") }))],
    rows: entries.map(([id, item]) => ({ head: methodName(id), method: id, class: id === method ? "on" : null,
      cells: item.status === "ok" ? scores.map((k) => el("td", {}, el("span", { class: asNumber(item.scores[k]) === best[k] && best[k] !== null ? "best" : null }, figure(k.split("/")[0], item.scores[k]))))
        : [el("td", { colspan: Math.max(1, scores.length), class: "word" }, el("span", { class: "badge bad" }, item.status), ` ${item.message}`)] })),
  });
  return el("div", {}, el("h3", {}, "Scores"), table_);
}

function strip(samples, at) {
  return el("div", { class: "strip", role: "group", "aria-label": "Samples" }, samples.map((g, i) => el("button", {
    type: "button", "aria-pressed": String(i === at), "aria-label": `Sample ${i + 1}: ${g.sample}`, onclick: () => choose({ gi: String(i) }),
  }, el("img", { src: imageSource(g.occluded), alt: "", loading: "lazy" }))));
}

function step(by) {
  const { samples } = gallerySamples();
  if (samples.length) choose({ gi: String((Math.min(Number(state.gi) || 0, samples.length - 1) + by + samples.length) % samples.length) });
}

function stepMethod(by) {
  const { methods, method } = gallerySamples();
  if (methods.length) choose({ gm: methods[(methods.indexOf(method) + by + methods.length) % methods.length] });
}

function galleryKey(event) {
  if (state.view !== "gallery" || event.altKey || event.ctrlKey || event.metaKey) return;
  // a list, a field or the divider itself needs its own arrows
  if (event.target.closest("select, input, textarea, [role=tab]")) return;
  const keys = {
    ArrowLeft: () => step(-1), ArrowRight: () => step(1), ArrowUp: () => stepMethod(-1), ArrowDown: () => stepMethod(1),
    o: () => choose({ out: galleryOutput() === "raw" ? "composite" : "raw" }),
  };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
}
