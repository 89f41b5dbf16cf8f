// Asks the worker: first for what is quick and then, where that answer is partial, for the whole one. Only the newest
// question matters: those that were overtaken are never asked.

export class Compute {
  #worker = new Worker("worker.js");
  #busy = false;
  #next = null;
  #onanswer;

  // onready gets the description of losses and metrics, onanswer each answer with its time in ms, onbroken a text.
  constructor({ onready, onanswer, onbroken }) {
    this.#onanswer = onanswer;
    this.#worker.onmessage = ({ data }) => {
      if (data.broken) {
        onbroken(data.broken);
      } else if (data.kinds) {
        onready(data.kinds);
      } else {
        this.#answered(data);
      }
    };
    this.#worker.onerror = (event) => onbroken(event.message);
  }

  ask(fragment) {
    if (this.#busy) {
      this.#next = fragment;
      return;
    }
    this.#post(fragment, false);
  }

  #post(fragment, whole) {
    this.#busy = true;
    this.#worker.postMessage({ fragment, whole });
  }

  #answered({ asked, answer, took }) {
    this.#busy = false;
    const next = this.#next;
    this.#next = null;
    if (next !== null) {
      this.ask(next);
    } else if (answer.partial) {
      this.#post(asked, true);
    }
    this.#onanswer(answer, took, asked);
  }
}
