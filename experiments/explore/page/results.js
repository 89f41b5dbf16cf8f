// The policies of results folders.

import { byId, draw, format, formatPolicy, make } from "./dom.js";
import { corner, triangle } from "./simplex.js";

const palette = 8; // colours in style.css

// showResults fills the section if there are results. onuse gets pi_star and pi_ref of the chosen prompt.
export async function showResults(onuse) {
  const response = await fetch("results.json");
  const folders = await response.json();
  if (folders.length === 0) {
    return;
  }
  byId("results").hidden = false;
  const folder = byId("results-folder");
  const prompt = byId("results-prompt");
  folder.append(...folders.map((f, i) => make("option", { value: i }, f.name)));
  const chosen = () => folders[folder.value].policies.filter((p) => p.prompt === prompt.value);
  const choose = () => {
    const names = [...new Set(folders[folder.value].policies.map((p) => p.prompt))];
    prompt.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
    list(folders[folder.value], chosen());
  };
  folder.addEventListener("change", choose);
  prompt.addEventListener("change", () => list(folders[folder.value], chosen()));
  byId("results-use").addEventListener("click", () => onuse(chosen()[0].star, chosen()[0].ref));
  choose();
}

function list(folder, policies) {
  const { svg, upright } = triangle(`Policies of ${folder.name}`);
  const objectives = [...new Set(policies.map((p) => p.objective))];
  const colour = (p) => `c${objectives.indexOf(p.objective) % palette}`;
  const dots = policies.map((p) => at(p.pi, draw("circle", { r: 12, class: `dot ${colour(p)}` })));
  upright.append(...dots);
  for (const [pi, mark] of [[policies[0].ref, draw("circle", { r: 19, class: "mark ref" })], [policies[0].star, draw("circle", { r: 19, class: "mark true" })]]) {
    if (pi) { // there may be no pi_star
      upright.append(at(pi, mark));
    }
  }
  byId("results-use").disabled = !policies[0].star;
  byId("results-panel").replaceChildren(svg);
  const rows = policies.map((p, i) => row(p, colour(p), dots[i], upright));
  const titles = ["run", "objective", "λ", "policy"].map((t) => make("th", { scope: "col" }, t));
  byId("results-table").replaceChildren(make("thead", {}, make("tr", {}, ...titles)), make("tbody", {}, ...rows));
  byId("results-note").textContent = "Final policies; the open circle is π_ref, the full one π*. Point at a row to find its policy." +
    (folder.omitted ? ` ${folder.omitted} further policies are not shown.` : "");
}

function at(pi, mark) {
  const [x, y] = corner(pi);
  mark.setAttribute("transform", `translate(${x} ${y})`);
  return mark;
}

function row(p, colour, dot, upright) {
  const tr = make("tr", {}, make("th", { scope: "row" }, make("span", { class: `key ${colour}` }), p.run), make("td", {}, p.objective),
    make("td", {}, p.lambda === "" ? "–" : format(Number(p.lambda))), make("td", {}, formatPolicy(p.pi)));
  tr.addEventListener("pointerenter", () => {
    dot.classList.add("found");
    upright.append(dot); // on top of the others
  });
  tr.addEventListener("pointerleave", () => dot.classList.remove("found"));
  return tr;
}
