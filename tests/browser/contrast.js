// Returns {low: texts under WCAG AA contrast, unnamed: controls without a name, checked: how many texts were looked at}.
const luminance = ([r, g, b]) => {
  const part = [r, g, b].map((v) => { const x = v / 255; return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
};
const parse = (text) => { const n = (text.match(/[\d.]+/g) || []).map(Number); return n.length ? [n[0], n[1], n[2], n[3] ?? 1] : [0, 0, 0, 0]; };
const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
const background = (node) => {
  const layers = [];
  for (let n = node; n; n = n.parentElement) {
    const colour = parse(getComputedStyle(n).backgroundColor);
    if (colour[3] > 0) layers.push(colour);
    if (colour[3] === 1) break;
  }
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
};
const low = [];
let checked = 0;
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some((c) => c.nodeType === Node.TEXT_NODE && c.textContent.trim());
  if (!own || !node.checkVisibility() || node.closest(".sr, .skip, noscript, template, .dim") || node.matches("option, :disabled")) continue;
  const style = getComputedStyle(node);
  const svg = node.namespaceURI.endsWith("svg");
  const back = background(svg ? node.ownerSVGElement.parentElement : node);
  const fore = over(parse(svg ? style.fill : style.color), back);
  const [a, b] = [luminance(fore), luminance(back)].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  checked += 1;
  if (ratio < (large ? 3 : 4.5)) low.push(`${ratio.toFixed(2)} ${node.tagName}.${node.getAttribute("class")} ${node.textContent.trim().slice(0, 40)}`);
}
const unnamed = [...document.querySelectorAll("button, select, input, img, [role=region], [role=tab], svg[role=img]")]
  .filter((n) => n.checkVisibility() && !(n.getAttribute("aria-label") || n.textContent.trim() || n.getAttribute("alt") !== null || n.closest("label")))
  .map((n) => n.outerHTML.slice(0, 80));
for (const tab of document.querySelectorAll("[role=tab]")) if (!document.getElementById(tab.getAttribute("aria-controls"))) unnamed.push(tab.id);
for (const head of document.querySelectorAll("table th")) if (!head.scope) unnamed.push(`th without scope: ${head.textContent}`);
return { low, unnamed, checked };
