// What is wrong with the state, each beside its input.

import { byId, make } from "./dom.js";

// showProblems puts problems below the inputs that they are about, the others below all.
export function showProblems(problems, state) {
  for (const list of document.querySelectorAll(".problem")) {
    list.hidden = true;
    list.replaceChildren();
  }
  for (const input of document.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
  }
  for (const problem of problems) {
    const list = byId(`problem-${problem.field}`) ?? byId(`problem-${problem.field.split(".")[0]}`) ?? byId("problem-other");
    const named = list.id === `problem-${problem.field}`;
    list.append(make("span", {}, (named ? "" : `${problem.field} `) + problem.message), ...where(problem, state));
    list.hidden = false;
    const [side, key] = problem.field.split(".");
    (byId(problem.field) ?? byId(`${side}-param-${key}`))?.setAttribute("aria-invalid", "true");
  }
}

// where marks the character of a formula that is wrong.
function where({ field, column }, state) {
  const [side, key] = field.split(".");
  const formula = state[side]?.params?.[key];
  if (!column || formula === undefined) {
    return [];
  }
  const letters = Array.from(formula); // columns count characters
  const at = Math.min(column - 1, letters.length);
  return [make("code", {}, letters.slice(0, at).join(""), make("mark", {}, letters[at] ?? " "), letters.slice(at + 1).join(""))];
}
