// The page: inputs change the state, the state asks the model, the answer is shown and kept in the address.

import { Compute } from "./compute.js";
import { byId, make } from "./dom.js";
import { connect, showInputs } from "./inputs.js";
import { LossForm } from "./losses.js";
import { legend, Panel } from "./panel.js";
import { showProblems } from "./problems.js";
import { showResults } from "./results.js";
import { text } from "./simplex.js";
import { read, sides, vector, write } from "./state.js";
import { showCriteria, showMeasures } from "./tables.js";

let state, description, forms, panels;
let spoken = 0;

const fragment = () => location.hash.replace(/^#/, "");

const compute = new Compute({
  onready(kinds) {
    description = kinds;
    panels = Object.fromEntries(sides.map((side) => [side, new Panel(side, (key, pi) => change({ [key]: text(pi) }))]));
    byId("panels").replaceChildren(panels.a.element, panels.b.element);
    forms = sides.map((side) => new LossForm(side, kinds.kinds, (loss) => change({ [side]: loss })));
    connect(change, () => state);
    load();
  },
  onanswer: show,
  onbroken(message) {
    byId("problem-other").hidden = false;
    byId("problem-other").textContent = `The compute cannot be started: ${message}`;
  },
});

// load takes the state from the address.
function load() {
  state = read(fragment(), description.default);
  change({});
}

// change sets keys of the state and asks.
function change(keys) {
  Object.assign(state, keys);
  showInputs(state);
  sides.forEach((side, i) => forms[i].show(state[side]));
  const policies = { star: vector(state.star), ref: vector(state.ref) };
  for (const side of sides) {
    panels[side].element.hidden = !state[side];
    if (policies.star && policies.ref) {
      panels[side].place(policies);
    }
  }
  byId("panels").classList.toggle("single", !state.b);
  const question = write(state);
  document.documentElement.dataset.asked = question;
  compute.ask(question);
}

// show shows an answer; asked is the fragment that it answers.
function show(answer, took, asked) {
  showProblems(answer.problems, state);
  const outcomes = answer.outcomes ?? [];
  sides.forEach((side, i) => {
    const about = answer.problems.find((p) => p.field.startsWith(side)) ?? answer.problems[0];
    panels[side].show(outcomes[i] ?? null, answer, about ? about.message : "");
  });
  if (outcomes.some(Boolean)) {
    showMeasures(outcomes, description.metrics);
    if (!answer.partial) {
      showCriteria(outcomes);
    }
  }
  byId("config").textContent = answer.config;
  byId("copy").disabled = answer.config === "";
  byId("copied").textContent = "";
  byId("time").textContent = `Computed in ${took.toFixed(0)} ms.`;
  if (answer.problems.length === 0) {
    history.replaceState(null, "", `#${answer.fragment}`);
  }
  document.documentElement.dataset.shown = asked;
  if (!answer.partial) {
    document.documentElement.dataset.answered = asked;
  }
  const answers = outcomes.filter(Boolean).map((o) => o.answer);
  byId("answer").replaceChildren(...answers.map((answer) => make("span", {}, answer)));
  speak(answers);
}

// speak tells a screen reader the answers, once they have stopped changing.
function speak(answers) {
  clearTimeout(spoken);
  spoken = setTimeout(() => {
    byId("spoken").textContent = answers.join(" ");
  }, 700);
}

// themeButton changes between light and dark; at first the page is as the system wants it.
function themeButton() {
  const button = byId("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const name = () => (button.textContent = isDark() ? "Light" : "Dark");
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    name();
  });
  system.addEventListener("change", name);
  name();
}

byId("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(byId("config").textContent);
  byId("copied").textContent = "Copied.";
});
byId("share").addEventListener("click", async () => {
  await navigator.clipboard.writeText(location.href);
  byId("shared").textContent = "Copied.";
  setTimeout(() => (byId("shared").textContent = ""), 2000);
});
addEventListener("hashchange", load);
themeButton();
legend();
showResults((star, ref) => change({ star: text(star), ref: text(ref) }));
