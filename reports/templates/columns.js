// Columns of the leaderboard. Ids: "v:fnmr@0.001:UT" (biometric, by the chosen judge), "i:psnr:hole" (image), "c:latency_ms" (cost).

function availableColumns() {
  const person = new Set();
  const image = new Set();
  const [matcher] = judge() || [""];
  for (const key of contexts()) {
    const found = lookup(key);
    for (const r of found.person.values()) {
      if (r.matcher === matcher && (r.setting === "UT" || r.setting === "UU")) person.add(`v:${r.metric}@${r.target ?? ""}:${r.setting}`);
    }
    for (const r of found.image.values()) image.add(`i:${r.metric}:${r.region}`);
  }
  const cost = ["mask", "latency_ms", "parameters", "macs", "throughput", "peak_memory_mb", "failed", "provenance", "year"];
  return { person: [...person], image: [...image], cost: cost.map((c) => `c:${c}`) };
}

function defaultColumns(all) {
  const known = new Set([...all.person, ...all.image, ...all.cost]);
  return [...inOrder(mainJudgedColumns(all), pictureColumns(all)), "c:mask", "c:latency_ms", "c:parameters", "c:failed"].filter((c) => known.has(c));
}

/** Few of them for the overview: the figure at equal FMR and at the kept threshold, and what is let in. */
function mainJudgedColumns(all) {
  if (!judge()) return [];
  const [, target, metric] = judge();
  const at = `@${target ?? ""}:UT`;
  const known = new Set(all.person);
  const recovered = known.has(`v:recovered_equal${at}`) ? ["recovered_equal", "fnmr", "recovered_kept"] : ["fnmr_recovered"];
  return [...new Set([metric, ...recovered, "fmr_added"])].map((m) => `v:${m}${at}`);
}

/** The person first where a matcher is independent of most methods, else the picture. */
function inOrder(person, picture) { return board().fair[context()] ? [...person, ...picture] : [...picture, ...person]; }

/** The main image metrics, the one that sums the context up first. */
function pictureColumns(all) {
  const main = board().pictures[context()];
  const region = (m) => ["hole", "whole"].map((r) => `i:${m}:${r}`).find((c) => all.image.includes(c));
  const found = [main ? `i:${main.join(":")}` : null, ...["lpips", "psnr", "ssim"].map(region)].filter(Boolean);
  // where the usual ones are few, others fill up, one region of each
  const used = new Set(found.map((c) => c.split(":")[1]));
  for (const c of all.image) if (used.size < 3 && !used.has(c.split(":")[1])) { used.add(c.split(":")[1]); found.push(region(c.split(":")[1]) || c); }
  return [...new Set(found)];
}

/** Few enough for the overview: with a judge one image metric, without one the main ones; of a judge that decides nothing one figure. */
function shortColumns(all) {
  const known = new Set([...all.person, ...all.image, ...all.cost]);
  const decides = judge() && board().fair[context()];
  return [...inOrder(mainJudgedColumns(all).slice(0, decides ? undefined : 1), pictureColumns(all).slice(0, decides ? 1 : 3)), "c:latency_ms", "c:parameters", "c:mask"].filter((c) => known.has(c));
}

function chosenColumns(all) {
  if (!state.cols) return defaultColumns(all);
  const known = new Set([...all.person, ...all.image, ...all.cost]);
  return state.cols.split("~").filter((c) => known.has(c));
}

/** {id, label, sub, metric, higher} of a column id. */
function describe(id) {
  const kind = id[0];
  const rest = id.slice(2);
  if (kind === "v") {
    const [metric, target, setting] = rest.split(/[@:]/);
    const unit = GAINS.has(metric) ? ", pp" : SHARES.has(metric) ? ", %" : "";
    return { id, card: `metric:${metric}`, metric, higher: !LOWER.has(metric), label: (WORDS[metric] || metric) + unit, sub: `${setting}${target ? `, FMR ${targetWords(target)}${["tmr", "fnmr_equal", "recovered_equal"].includes(metric) ? ", own threshold" : metric === "accuracy" ? "" : ", kept"}` : ""}` };
  }
  if (kind === "i") {
    const [metric, region] = rest.split(":");
    const card = board().metrics.find((m) => m.metric === metric);
    return { id, card: `metric:${metric}`, metric, higher: card?.direction === "higher", label: (card?.title || metric) + (card?.unit ? `, ${card.unit}` : ""), sub: region, term: GLOSSARY[metric.toUpperCase()] };
  }
  const direction = QUANTITIES[rest]?.direction ?? null;
  const higher = direction === null ? null : direction === "higher";
  return { id, metric: rest, higher, label: WORDS[rest] || rest, sub: "", word: rest === "provenance" };
}
