// The state as the address holds it: texts by key. What the texts may be, the model alone decides.

const plainKeys = ["star", "ref", "lambda", "n", "seed", "l2", "kl", "basis", "lr", "steps"];
export const sides = ["a", "b"];

// read returns {star, ..., steps, a: {kind, params}, b or null}; what the fragment lacks is as in the fallback.
export function read(fragment, fallback) {
  const given = new URLSearchParams(fragment);
  const base = fallback ? read(fallback) : {};
  const state = { ...base, other: [] };
  for (const key of plainKeys) {
    if (given.has(key)) {
      state[key] = given.get(key);
    }
  }
  if (sides.some((side) => given.has(side))) {
    for (const side of sides) {
      state[side] = given.has(side) ? loss(given, side) : null;
    }
  }
  for (const [key, value] of given) {
    const side = key.split(".")[0];
    if (!plainKeys.includes(key) && !(sides.includes(side) && given.has(side))) {
      state.other.push([key, value]);
    }
  }
  return state;
}

function loss(given, side) {
  const params = {};
  for (const [key, value] of given) {
    if (key.startsWith(side + ".")) {
      params[key.slice(side.length + 1)] = value;
    }
  }
  return { kind: given.get(side), params };
}

// write is the inverse of read. Keys that the page does not know stay, so that the model can say so.
export function write(state) {
  const out = new URLSearchParams();
  for (const key of plainKeys) {
    if (state[key] !== undefined && state[key] !== null) {
      out.append(key, state[key]);
    }
  }
  for (const side of sides) {
    if (state[side]) {
      out.append(side, state[side].kind);
      for (const key of Object.keys(state[side].params).sort()) {
        out.append(`${side}.${key}`, state[side].params[key]);
      }
    }
  }
  for (const [key, value] of state.other) {
    out.append(key, value);
  }
  return out.toString();
}

// vector reads three numbers, null if they are none.
export function vector(text) {
  const v = (text ?? "").split(",").map(Number);
  return v.length === 3 && v.every(Number.isFinite) ? v : null;
}
