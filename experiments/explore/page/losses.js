// The choice of a loss and the inputs for its parameters, made from the registry's descriptions.

import { byId, make } from "./dom.js";

// LossForm is one side's form. onchange gets {kind, params}, or null for no loss.
export class LossForm {
  constructor(side, kinds, onchange) {
    this.side = side;
    this.kinds = kinds;
    this.onchange = onchange;
    this.select = byId(`${side}-kind`);
    if (side === "b") {
      this.select.append(make("option", { value: "" }, "none"));
    }
    this.select.append(...kinds.map((k) => make("option", { value: k.name }, k.name)));
    this.select.addEventListener("change", () => {
      const kind = this.#kind(this.select.value);
      onchange(kind ? { kind: kind.name, params: Object.fromEntries(kind.starts.map((p) => [p.key, p.value])) } : null);
    });
    this.inputs = new Map();
  }

  #kind(name) {
    return this.kinds.find((k) => k.name === name || k.aliases.includes(name));
  }

  // show puts a loss into the form. Inputs of the kind that is shown already stay, with their focus.
  show(loss) {
    const kind = loss ? this.#kind(loss.kind) : null;
    const name = kind ? kind.name : "";
    if (this.shown !== name) {
      this.shown = name;
      this.select.value = name;
      byId(`${this.side}-summary`).textContent = kind ? `${kind.summary} (${kind.source})` : "";
      this.#build(kind);
    }
    for (const [key, input] of this.inputs) {
      const value = loss.params[key] ?? "";
      if (input.value !== value) {
        input.value = value;
      }
    }
  }

  #build(kind) {
    this.inputs.clear();
    const rows = (kind ? kind.fields : []).map((field) => {
      const id = `${this.side}-param-${field.key}`;
      const problem = make("p", { class: "problem", id: `problem-${this.side}.${field.key}`, hidden: "" });
      const input = field.words ? words(field) : make(field.type === "text" ? "textarea" : "input", {
        placeholder: field.default ? `default ${field.default}` : "not given", rows: 2, spellcheck: "false",
      });
      input.id = id;
      input.setAttribute("aria-describedby", `${id}-doc problem-${this.side}.${field.key}`);
      input.addEventListener("input", () => this.#changed());
      this.inputs.set(field.key, input);
      const doc = make("p", { class: "note", id: `${id}-doc` }, [field.doc, field.words ? "" : allowed(field)].filter(Boolean).join("; "));
      return make("div", { class: "param" }, make("label", { for: id }, field.key), input, doc, problem);
    });
    byId(`${this.side}-params`).replaceChildren(...rows);
  }

  #changed() {
    const params = {};
    for (const [key, input] of this.inputs) {
      if (input.value.trim() !== "") {
        params[key] = input.value;
      }
    }
    this.onchange({ kind: this.shown, params });
  }
}

function words(field) {
  const standard = make("option", { value: "" }, field.default ? `default: ${field.default}` : "not given");
  return make("select", {}, standard, ...field.words.map((word) => make("option", { value: word }, word)));
}

function allowed(field) {
  return field.allowed ? `${field.type} in ${field.allowed}` : field.type;
}
