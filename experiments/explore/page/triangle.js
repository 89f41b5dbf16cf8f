// The empty simplex: its edge, light lines at fifths, and the names of its corners.

import { corner, edge } from "./geometry.js";
import { draw } from "./dom.js";

const margin = 90;
const fifths = [0.2, 0.4, 0.6, 0.8];

const point = (pi) => corner(pi).map((v) => v.toFixed(1)).join(" ");
export const line = (policies) => policies.map((pi, i) => (i ? "L" : "M") + point(pi)).join("");

// triangle returns the svg, and within it the upright group that everything else is drawn in: y points up there.
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
