// The tables of criteria and of measures, a column a loss.

import { byId, format, make } from "./dom.js";

const signs = { holds: "✓", fails: "✗", unknown: "?" };

function head(...cells) {
  return make("thead", {}, make("tr", {}, ...cells.map((cell) => make("th", { scope: "col" }, cell))));
}

export function showCriteria(outcomes) {
  const there = outcomes.filter(Boolean);
  const rows = there.length ? there[0].criteria.map((_, i) => make("tr", {},
    make("th", { scope: "row" }, make("span", {}, there[0].criteria[i].name), make("small", {}, there[0].criteria[i].asks)),
    ...there.map((o) => verdict(o.criteria[i])))) : [];
  byId("criteria").replaceChildren(head("criterion", ...there.map((o) => o.label)), make("tbody", {}, ...rows));
}

function verdict(criterion) {
  const { verdict, value, detail } = criterion;
  const sign = make("span", { class: `verdict ${verdict}` }, `${signs[verdict]} ${verdict}`);
  return make("td", {}, sign, value === null ? "" : ` ${format(value, 3)}`, make("small", {}, detail));
}

// The measures that are shown first; the others can be unfolded.
const first = ["tv_star", "tv_mode", "tv_ref", "kl_star_pi", "kl_ref_pi", "win_rate"];

export function showMeasures(outcomes, metrics) {
  const there = outcomes.filter((o) => o && o.measures);
  const row = (metric) => make("tr", {},
    make("th", { scope: "row" }, make("code", {}, metric.name), make("small", {}, metric.summary + (metric.unit ? ` (${metric.unit})` : ""))),
    ...there.map((o) => make("td", { "data-measure": metric.name }, format(o.measures.find((m) => m.name === metric.name).value))));
  const titles = () => head("measure", ...there.map((o) => o.label));
  const [main, others] = [first.map((name) => metrics.find((m) => m.name === name)), metrics.filter((m) => !first.includes(m.name))];
  byId("measures").replaceChildren(titles(), make("tbody", {}, ...main.map(row)));
  byId("more-measures").replaceChildren(titles(), make("tbody", {}, ...others.map(row)));
}
