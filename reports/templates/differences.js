// Every pair of methods at one value: is the difference real?

function drawDifferences() {
  const rows = rowsOf("differences", context());
  const kinds = [...new Set(rows.map((r) => `${r.metric}:${r.region}`))];
  if (!kinds.length) { fill("diff-tools"); fill("differences", el("p", { class: "missing" }, "No paired differences are stored for this choice.")); return; }
  const [matcher, target, judged] = judge() || [];
  const wanted = [state.diff, ...inOrder([`${judged}@${target}:${matcher}`, `${judged}:${matcher}`], [(board().pictures[context()] || []).join(":")])];
  const kind = wanted.find((k) => kinds.includes(k)) || kinds[0];
  const worded = (k) => {
    const [name, where] = k.split(":");
    const [id, at] = name.split("@");
    return at ? `${atTarget(id, at)}, ${where}` : `${board().metrics.find((m) => m.metric === id)?.title || id}, ${where}`;
  };
  const order = [...kinds].sort((a, b) => Number(b.includes("@")) - Number(a.includes("@")));
  fill("diff-tools", select("Figure", kind, order.map((k) => [k, worded(k)]), (diff) => choose({ diff })));
  const mine = rows.filter((r) => `${r.metric}:${r.region}` === kind);
  const methods = methodsByRank().map((m) => m.method).filter((m) => mine.some((r) => r.method_a === m || r.method_b === m));
  const [metric] = kind.split(":");
  const card = board().metrics.find((m) => m.metric === metric);
  const higher = card ? card.direction === "higher" : !LOWER.has(metric.split("@")[0]);
  const pair = new Map();
  for (const r of mine) { pair.set(`${r.method_a}|${r.method_b}`, [r, 1]); pair.set(`${r.method_b}|${r.method_a}`, [r, -1]); }
  fill("differences", makeTable({
    name: `differences-${metric.replace("@", "-")}`,
    caption: `${worded(kind)}: row minus column${SHARES.has(metric.split("@")[0]) ? ", percentage points" : ""}. ● row is better, ○ row is worse, · not told apart.`,
    columns: [{ id: "m", label: "Method" }, ...methods.map((m) => ({ id: m, label: methodCard(m).title }))],
    rows: methods.map((a) => ({ head: methodName(a), cells: methods.map((b) => {
      const [r, sign] = pair.get(`${a}|${b}`) || [];
      if (!r) return el("td", {}, a === b ? "" : "–");
      const gain = higher ? sign * r.difference > 0 : sign * r.difference < 0;
      const mark = !r.significant ? "·" : gain ? "●" : "○";
      return el("td", { title: `95 % interval ${figure(metric, sign > 0 ? r.low : -r.high)} to ${figure(metric, sign > 0 ? r.high : -r.low)}; p (Holm) ${r.p_holm?.toPrecision(2)}` },
        el("a", { href: addressOf({ view: "compare", a, b }), "data-pair": `${a}|${b}`, "aria-label": `${methodCard(a).title} against ${methodCard(b).title}: ${figure(metric, sign * r.difference, true)}`, onclick: (event) => { event.preventDefault(); choose({ view: "compare", a, b }); scrollTo(0, 0); }, class: r.significant ? (gain ? "m-same" : "m-different") : "note" }, `${mark} ${figure(metric, sign * r.difference, true)}`));
    }) })),
  }));
}
