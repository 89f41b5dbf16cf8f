// A panel: what one loss does, on the simplex, with handles for pi_star and pi_ref.

import { byId, draw, format, formatPolicy, make } from "./dom.js";
import { corner, line, moves, policyAt, rounded, triangle } from "./simplex.js";

const starPath = "M0 30L7.1 9.7 28.5 9.3 11.4 -3.7 17.6 -24.3 0 -12 -17.6 -24.3 -11.4 -3.7 -28.5 9.3 -7.1 9.7Z";
const handles = {
  star: { name: "pi star, the true policy", shape: () => draw("path", { d: starPath, class: "mark star" }) },
  ref: { name: "pi ref, the reference policy", shape: () => draw("circle", { r: 19, class: "mark ref" }) },
};

export class Panel {
  // onmove gets "star" or "ref" and the policy that it was moved to.
  constructor(side, onmove) {
    this.onmove = onmove;
    this.side = side.toUpperCase();
    this.title = make("h2", { id: `${side}-title` }, `Loss ${this.side}`);
    this.says = make("p", { class: "says" });
    const { svg, upright } = triangle(`Simplex of loss ${side.toUpperCase()}`);
    this.svg = svg;
    this.upright = upright;
    this.landscape = draw("g", { class: "landscape" });
    this.paths = {};
    upright.append(this.landscape);
    for (const name of ["class", "along", "trajectory"]) {
      upright.append((this.paths[name] = draw("path", { class: name })));
    }
    this.mode = draw("rect", { x: -15, y: -15, width: 30, height: 30, class: "mode" });
    this.minimizer = draw("circle", { r: 15, class: "minimizer" });
    for (const mark of [this.mode, this.minimizer]) {
      put(mark, null);
      upright.append(mark);
    }
    this.handles = Object.fromEntries(Object.keys(handles).map((key) => [key, this.#handle(key)]));
    this.element = make("section", { class: `panel ${side}`, "aria-labelledby": `${side}-title`, id: `panel-${side}` }, this.title, svg, this.says);
  }

  #handle(key) {
    const { name, shape } = handles[key];
    const handle = draw("g", {
      class: "handle", tabindex: 0, role: "slider", "aria-label": `${name}; arrow keys move it`,
      "aria-valuemin": 0, "aria-valuemax": 1, "data-handle": key,
    }, draw("circle", { r: 52, class: "grip" }), shape());
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      handle.focus();
      event.preventDefault();
    });
    handle.addEventListener("pointermove", (event) => {
      if (handle.hasPointerCapture(event.pointerId)) {
        this.onmove(key, this.#policyUnder(event));
      }
    });
    handle.addEventListener("keydown", (event) => this.#pressed(key, event));
    this.upright.append(handle);
    return handle;
  }

  #policyUnder(event) {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.upright.getScreenCTM().inverse());
    return policyAt(at.x, at.y);
  }

  // Arrow keys move by 0.01, with shift by 0.1, with alt by 0.001.
  #pressed(key, event) {
    const move = moves[event.key];
    if (!move) {
      return;
    }
    event.preventDefault();
    const step = event.shiftKey ? 0.1 : event.altKey ? 0.002 : 0.01;
    this.onmove(key, rounded(this.at[key].map((p, i) => p + step * move[i])));
  }

  // place puts pi_star and pi_ref where the state has them, before any answer.
  place(policies) {
    this.at = policies;
    for (const [key, pi] of Object.entries(policies)) {
      const [x, y] = corner(pi);
      this.handles[key].setAttribute("transform", `translate(${x} ${y})`);
      this.handles[key].setAttribute("aria-valuenow", pi[0]);
      this.handles[key].setAttribute("aria-valuetext", `a ${pi[0]}, b ${pi[1]}, c ${pi[2]}`);
    }
  }

  // show draws an outcome; null is a loss with mistakes, whose last picture fades.
  show(outcome, answer, problem) {
    this.svg.classList.toggle("stale", !outcome);
    if (!outcome) {
      this.says.textContent = problem;
      return;
    }
    this.title.textContent = `${this.side}: ${outcome.label}`;
    this.#contours(outcome.landscape);
    this.paths.class.setAttribute("d", answer.class ? line(answer.class) : "");
    this.paths.trajectory.setAttribute("d", outcome.trajectory ? line(outcome.trajectory) : "");
    if (!answer.partial) {
      this.paths.along.setAttribute("d", stretches((outcome.path ?? []).map((point) => point.policy)));
    }
    put(this.mode, answer.mode);
    put(this.minimizer, outcome.policy);
    this.minimizer.dataset.policy = outcome.policy ? outcome.policy.join(",") : "";
    this.says.replaceChildren(...describe(outcome));
  }

  #contours({ levels, contours }) {
    while (this.landscape.childElementCount > levels.length) {
      this.landscape.lastElementChild.remove();
    }
    contours.forEach((d, i) => {
      const path = this.landscape.children[i] ?? this.landscape.appendChild(draw("path", { class: "contour" }));
      path.setAttribute("d", d);
      path.setAttribute("stroke-opacity", (0.85 - (0.6 * i) / levels.length).toFixed(2));
    });
  }
}

// stretches draws the policies that there are, with gaps where there is none.
function stretches(policies) {
  let d = "";
  let run = [];
  for (const pi of [...policies, null]) {
    if (pi) {
      run.push(pi);
    } else if (run.length) {
      d += line(run);
      run = [];
    }
  }
  return d;
}

function put(mark, pi) {
  mark.classList.toggle("absent", !pi);
  if (pi) {
    const [x, y] = corner(pi);
    mark.setAttribute("transform", `translate(${x} ${y})`);
  }
}

// kinds says what a policy is that is not the one minimizer.
const kinds = { "not-unique": "One of several minimizers", boundary: "Minimizer on the boundary", local: "Best local minimum found",
  stationary: "Policy at rest" };

function describe(outcome) {
  const found = outcome.solver === "exact" ? (kinds[outcome.status] ?? "Minimizer") : "End of training";
  const what = make("strong", {}, outcome.policy ? `${found}: ${formatPolicy(outcome.policy)}` : "No minimizer or point of rest");
  const facts = [`${outcome.solver}: ${outcome.status}`];
  if (outcome.loss !== null) {
    facts.push(`loss ${format(outcome.loss)}`);
  }
  const lines = [what, make("br"), facts.join(", ") + ". " + outcome.reason];
  if (outcome.trained && outcome.solver === "exact") {
    lines.push(make("br"), `Training: ${outcome.trained}.`);
  }
  return lines;
}

// legend lists what is drawn.
export function legend() {
  const sample = (...shapes) => draw("svg", { viewBox: "-50 -34 100 68", "aria-hidden": "true" }, draw("g", { transform: "scale(1,-1)" }, ...shapes));
  const across = { d: "M-46 0L46 0" };
  const entries = [
    [sample(draw("circle", { r: 18, class: "minimizer" })), "minimizer, point of rest or end of training"],
    [sample(draw("path", { ...across, class: "trajectory" })), "training from π_ref"],
    [sample(draw("path", { ...across, class: "along" })), "the same over λ"],
    [sample(draw("path", { ...across, class: "contour" })), "equal loss, dense near the lowest"],
    [sample(handles.star.shape()), "π*, the true policy"],
    [sample(handles.ref.shape()), "π_ref, the reference"],
    [sample(draw("rect", { x: -15, y: -15, width: 30, height: 30, class: "mode" })), "mode π_δ"],
    [sample(draw("path", { ...across, class: "class" })), "policy class"],
  ];
  byId("legend").replaceChildren(...entries.map(([shape, name]) => make("li", {}, shape, name)));
}
