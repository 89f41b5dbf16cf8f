// The inputs that are not about a loss.

import { byId, make } from "./dom.js";
import { text, withEntry } from "./simplex.js";
import { vector } from "./state.js";

const responses = ["a", "b", "c"];
const standardBasis = "1,0,-1";
const standardDraws = "100";
const plain = ["lambda", "n", "seed", "l2", "kl", "lr", "steps"];

// short writes a number from a slider with three digits.
const short = (v) => String(Number(v.toPrecision(3)));

// connect makes the inputs and lets them change the state.
export function connect(change, state) {
  for (const key of ["star", "ref", "basis"]) {
    byId(`${key}-inputs`).append(...responses.map((name, i) => entry(key, name, i, change, state)));
  }
  for (const key of plain) {
    byId(key).addEventListener("input", () => change({ [key]: byId(key).value.trim() }));
  }
  byId("lambda-slide").addEventListener("input", (event) => change({ lambda: short(10 ** event.target.value) }));
  byId("n-slide").addEventListener("input", (event) => change({ n: String(Math.round(10 ** event.target.value)) }));
  for (const radio of document.getElementsByName("data")) {
    radio.addEventListener("change", () => change({ n: radio.value === "sample" ? standardDraws : "0" }));
  }
  byId("redraw").addEventListener("click", () => change({ seed: String((Number(state().seed) || 0) + 1) }));
  byId("limited").addEventListener("change", (event) => change({ basis: event.target.checked ? standardBasis : null }));
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
}

// entry is the input of one response's number. A probability scales the others; a direction's entry does not.
function entry(key, name, i, change, state) {
  const input = make("input", { type: "number", id: `${key}-${name}`, step: key === "basis" ? "0.1" : "0.01", "aria-label": `${key} of response ${name}` });
  input.addEventListener("change", () => {
    const before = vector(state()[key]) ?? [1 / 3, 1 / 3, 1 / 3];
    const value = Number(input.value);
    if (input.value === "" || !Number.isFinite(value)) {
      showInputs(state());
    } else if (key === "basis") {
      change({ basis: text(before.with(i, value)) });
    } else {
      change({ [key]: text(withEntry(before, i, value)) });
    }
  });
  return input;
}

// showInputs puts the state into the inputs, but for the one that is being typed into.
export function showInputs(state) {
  const set = (input, value) => {
    if (input !== document.activeElement || input.type === "range" || input.type === "number") {
      input.value = value;
    }
  };
  for (const key of plain) {
    set(byId(key), state[key] ?? "");
  }
  for (const key of ["star", "ref", "basis"]) {
    const v = vector(state[key]) ?? ["", "", ""];
    responses.forEach((name, i) => set(byId(`${key}-${name}`), v[i]));
  }
  const slide = byId("lambda-slide");
  const lambda = Number(state.lambda);
  if (lambda > 0 && slide !== document.activeElement) {
    slide.value = Math.log10(lambda);
  }
  slide.setAttribute("aria-valuetext", state.lambda);
  const sampled = Number(state.n) > 0 || !/^\s*0*\s*$/.test(state.n);
  document.querySelector(`[name=data][value=${sampled ? "sample" : "population"}]`).checked = true;
  byId("draws-row").hidden = !sampled;
  byId("seed-row").hidden = !sampled;
  if (Number(state.n) > 0 && byId("n-slide") !== document.activeElement) {
    byId("n-slide").value = Math.log10(Number(state.n));
  }
  byId("n-slide").setAttribute("aria-valuetext", state.n);
  byId("limited").checked = Boolean(state.basis);
  byId("basis-inputs").hidden = !state.basis;
}
