// The triangle: response a is the corner on the left, b on the right, c on top; an edge is 1000 long. Policies that are
// moved by hand keep three decimals and a little probability everywhere.

export const edge = 1000;
const height = Math.sqrt(3) / 2;
const places = 1000;
const least = 1;

export function corner([, b, c]) {
  return [edge * (b + c / 2), edge * c * height];
}

// policyAt is the policy at a place of the triangle, or the nearest on its rim.
export function policyAt(x, y) {
  const c = y / edge / height;
  const b = x / edge - c / 2;
  return rounded([1 - b - c, b, c]);
}

// rounded keeps three decimals that sum to 1, none below the least.
export function rounded(pi) {
  const clipped = pi.map((p) => Math.max(p, 0));
  const sum = clipped[0] + clipped[1] + clipped[2];
  const units = clipped.map((p) => Math.max(least, Math.round((places * p) / sum)));
  const largest = units.indexOf(Math.max(...units));
  units[largest] += places - units[0] - units[1] - units[2];
  return units.map((u) => u / places);
}

// withEntry sets one probability and scales the others, as they were to each other.
export function withEntry(pi, index, value) {
  const p = Math.min(Math.max(value, least / places), 1 - (2 * least) / places);
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
