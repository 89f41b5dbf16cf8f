// Making elements. Texts are only ever set as text.

const svgSpace = "http://www.w3.org/2000/svg";

export function make(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function draw(name, attributes = {}, ...children) {
  return fill(document.createElementNS(svgSpace, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

export const byId = (id) => document.getElementById(id);

// format writes a number of an answer: null is none, infinities are texts.
export function format(value, digits = 4) {
  if (value === null || value === undefined) {
    return "–";
  }
  if (typeof value === "string") {
    return value.replace("inf", "∞").replace("-", "−");
  }
  const size = Math.abs(value);
  const written = size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(digits - 2) : String(Number(value.toPrecision(digits)));
  return written.replace(/\.?0+e/, "e").replace("-", "−").replace("e+", "e").replace("e-", "e−");
}

export const formatPolicy = (pi) => pi.map((p) => format(p, 3)).join(", ");
