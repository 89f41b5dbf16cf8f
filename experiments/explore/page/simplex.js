// The simplex as a triangle: response a is the corner on the left, b on the right, c on top; an edge is 1000 long. Policies
// that are moved by hand have three decimals and a little probability everywhere.

import { draw } from "./dom.js";

const edge = 1000;
const height = Math.sqrt(3) / 2;
const parts = 1000;
const least = 1;

export function corner([, b, c]) {
  return [edge * (b + c / 2), edge * c * height];
}

// policyAt is the policy at a point of the triangle, or the nearest on its edge.
export function policyAt(x, y) {
  const c = y / edge / height;
  const b = x / edge - c / 2;
  return rounded([1 - b - c, b, c]);
}

// rounded rounds a policy to three decimals that sum to 1, none below the least.
export function rounded(pi) {
  const clipped = pi.map((p) => Math.max(p, 0));
  const sum = clipped[0] + clipped[1] + clipped[2];
  const units = clipped.map((p) => Math.max(least, Math.round((parts * p) / sum)));
  const largest = units.indexOf(Math.max(...units));
  units[largest] += parts - units[0] - units[1] - units[2];
  return units.map((u) => u / parts);
}

// withEntry sets one probability and scales the others, as they were to each other.
export function withEntry(pi, index, value) {
  const p = Math.min(Math.max(value, least / parts), 1 - (2 * least) / parts);
  const rest = pi.reduce((sum, q, i) => (i === index ? sum : sum + q), 0);
  return rounded(pi.map((q, i) => (i === index ? p : rest > 0 ? (q * (1 - p)) / rest : (1 - p) / 2)));
}

// moves are what arrow keys add to a policy, for a step of 1.
export const moves = {
  ArrowLeft: [1, -1, 0],
  ArrowRight: [-1, 1, 0],
  ArrowUp: [-0.5, -0.5, 1],
  ArrowDown: [0.5, 0.5, -1],
};

export const text = (pi) => pi.map((p) => String(p)).join(",");

const margin = 90;
const fifths = [0.2, 0.4, 0.6, 0.8];

const point = (pi) => corner(pi).map((v) => v.toFixed(1)).join(" ");
export const line = (policies) => policies.map((pi, i) => (i ? "L" : "M") + point(pi)).join("");

// triangle returns the empty simplex, with lines at fifths and the names of its corners: the svg, and within it the upright
// group that everything else is drawn in, where y points up.
export function triangle(label) {
  const height = (edge * Math.sqrt(3)) / 2;
  const box = `${-margin} ${-height - margin} ${edge + 2 * margin} ${height + 1.8 * margin}`;
  const upright = draw("g", { transform: "scale(1,-1)" });
  const svg = draw("svg", { viewBox: box, role: "group", "aria-label": label, class: "simplex" }, upright);
  for (const s of fifths) {
    for (const ends of [[[1 - s, s, 0], [0, s, 1 - s]], [[1 - s, 0, s], [0, 1 - s, s]], [[s, 1 - s, 0], [s, 0, 1 - s]]]) {
      upright.append(draw("path", { d: line(ends), class: "fifth" }));
    }
  }
  upright.append(draw("path", { d: line([[1, 0, 0], [0, 1, 0], [0, 0, 1]]) + "Z", class: "rim" }));
  for (const [name, x, y, anchor] of [["a", -18, 44, "end"], ["b", edge + 18, 44, "start"], ["c", edge / 2, -height - 26, "middle"]]) {
    const sub = draw("tspan", { dy: "9", class: "sub" }, name);
    svg.append(draw("text", { x, y, "text-anchor": anchor, class: "corner" }, "y", sub));
  }
  return { svg, upright };
}
