"""Run a PyTorch implementation of a preference loss on windtunnel's test vectors.

    python3 -m windtunnel_vectors VECTORS.jsonl my_loss.py:my_loss --loss dpo > answers.jsonl
    python3 -m windtunnel_vectors VECTORS.jsonl my_trainer.py:make --loss dpo --trainer > answers.jsonl

and then `experiments vectors --diagnose answers.jsonl`. Needs this file and PyTorch. VECTORS.jsonl may be gzip.

A function takes any of these by name, float64 tensors of pairs x positions, and returns the loss, or one value a pair,
of which the mean is taken:

    policy_chosen_logps, policy_rejected_logps, ref_chosen_logps, ref_rejected_logps    log-probabilities by token
    chosen_mask, rejected_mask                                  1 where a token of the response counts
    chosen_attention_mask, rejected_attention_mask              0 where there is padding

and the settings of the loss, such as beta and label_smoothing.

With --trainer, make(model, ref_model, **settings) returns a trainer: an object with compute_loss(model, inputs), or a
function of inputs. inputs has input_ids, attention_mask and completion_mask, the chosen rows first, the rejected after
them, as TRL's collator makes them; model(input_ids=..., attention_mask=...) returns an object with logits, of which
those at a position are for the next one, as causal language models have them. A compute_loss may return a tuple, whose
first is the loss. The first position of a row has no logits before it, so that its gradient is not seen.

An answer that is NaN or infinite, where every right number is finite, is left out and named on stderr; the exit status is
then 1.

In pytest, or wherever tests are run:

    import windtunnel_vectors
    def test_dpo():
        windtunnel_vectors.check(my_loss, "VECTORS.jsonl", "dpo")
"""

import argparse
import gzip
import importlib.util
import inspect
import json
import math
import os
import sys
import types


def read(path, loss=None):
    """Return the vectors of a file, of all losses or of one."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with (gzip.open if packed else open)(path, "rt", encoding="utf-8") as file:
        found = [json.loads(line) for line in file if line.strip()]
    vectors = [v for v in found if loss in (None, v["loss"])]
    if not vectors:
        raise ValueError(f"{path} has no vectors of {loss}; it has {', '.join(sorted({v['loss'] for v in found}))}")
    return vectors


def columns(vector):
    """Return the columns of a vector as tensors of pairs x positions; gradients are taken by the policy's two."""
    import torch

    pairs = vector.get("batch") or [{"chosen": vector["chosen"], "rejected": vector["rejected"]}]
    found = {}
    for side in ("chosen", "rejected"):
        def column(key, side=side):
            return torch.tensor([pair[side][key] for pair in pairs], dtype=torch.float64)

        found[f"policy_{side}_logps"] = column("policy_logps").requires_grad_()
        found[f"ref_{side}_logps"] = column("ref_logps")
        found[f"{side}_mask"] = column("mask")
        found[f"{side}_attention_mask"] = column("attention_mask")
    return found


def answer(function, vector, trainer=False):
    """Return what a function, or the trainer that it makes, gives for a vector."""
    import torch

    given = columns(vector)
    if trainer:
        loss = trained(function, given, vector["params"])
    else:
        loss = function(**accepted(function, {**given, **vector["params"]}))
    if not torch.is_tensor(loss):
        raise TypeError(f"{vector['id']}: the loss is a {type(loss).__name__}; want a tensor")
    loss = loss.mean()
    policies = [given["policy_chosen_logps"], given["policy_rejected_logps"]]
    if loss.requires_grad:
        grads = torch.autograd.grad(loss, policies, allow_unused=True)
    else:
        grads = [None, None]  # nothing of the loss depends on the policy
    grads = [torch.zeros_like(p) if g is None else g for p, g in zip(policies, grads)]
    grads = [g.tolist() if "batch" in vector else g[0].tolist() for g in grads]
    return {"id": vector["id"], "loss": loss.item(), "grad_chosen": grads[0], "grad_rejected": grads[1]}


def accepted(function, settings):
    """Return those of the settings that a function has a parameter for."""
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind == p.VAR_KEYWORD for p in parameters):
        return settings
    return {p.name: settings[p.name] for p in parameters if p.name in settings}


class Model:
    """A causal language model over two tokens, of which token 1 has given log-probabilities at every row and position."""

    def __init__(self, logps):
        self.logps = logps
        self.training = True

    def __call__(self, input_ids=None, attention_mask=None, **_):
        import torch

        other = torch.log(-torch.expm1(self.logps))
        logits = torch.stack([other, self.logps], -1)  # normalized, so that log_softmax leaves them
        last = torch.zeros_like(logits[:, :1])  # what would be said after the end
        return types.SimpleNamespace(logits=torch.cat([logits[:, 1:], last], 1))

    forward = __call__

    def train(self, mode=True):
        self.training = mode
        return self

    def eval(self):
        return self.train(False)

    def parameters(self):
        return iter([self.logps])


def trained(make, given, params):
    """Return the loss of the trainer that make returns."""
    import torch

    def both(key):
        return torch.cat([given[key.format("chosen")], given[key.format("rejected")]])

    model, reference = Model(both("policy_{}_logps")), Model(both("ref_{}_logps"))
    inputs = {
        "input_ids": torch.ones(model.logps.shape, dtype=torch.long),
        "attention_mask": both("{}_attention_mask").long(),
        "completion_mask": both("{}_mask").long(),
    }
    trainer = make(model, reference, **accepted(make, params))
    loss = trainer.compute_loss(model, inputs) if hasattr(trainer, "compute_loss") else trainer(inputs)
    return loss[0] if isinstance(loss, tuple) else loss


def finite(answered):
    """Say whether all numbers of an answer are finite."""
    def every(x):
        return all(map(every, x)) if isinstance(x, list) else math.isfinite(x)

    return all(every(answered[key]) for key in ("loss", "grad_chosen", "grad_rejected"))


def difference(got, want):
    """Return the largest difference between numbers, or lists of them, relative to no less than 1/100."""
    if isinstance(want, list):
        return max(map(difference, got, want), default=0.0)
    return abs(got - want) / max(abs(got), abs(want), 1e-2)


def diagnose(vectors, answers, tolerance=1e-6):
    """Say "right", or which mistakes of the vectors explain all answers, or that none does."""
    names = sorted({name for v in vectors for name in v["mistakes"]})
    off = {}
    for name in [None, *names]:
        off[name] = max(
            difference(a[key], v["mistakes"].get(name, v["expected"])[key])
            for v, a in zip(vectors, answers)
            for key in ("loss", "grad_chosen", "grad_rejected")
        )
    if off[None] <= tolerance:
        return "right"
    matches = [name for name in names if off[name] <= tolerance]
    if matches:
        return "matches: " + " or ".join(matches)
    return f"none of the known mistakes explains all numbers: off by {off[None]:.2g}"


def check(function, path, loss, trainer=False, tolerance=1e-6, **words):
    """Raise an AssertionError that says which mistake a function makes, for pytest. words, such as sft_mean="pairs", choose
    among a loss's variants."""
    vectors = [v for v in read(path, loss) if all(v["params"].get(key) == word for key, word in words.items())]
    answers = [answer(function, v, trainer) for v in vectors]
    wrong = [a["id"] for a in answers if not finite(a)]
    others = [(v, a) for v, a in zip(vectors, answers) if finite(a)]
    verdict = diagnose(*zip(*others), tolerance) if others else "no other"
    assert not wrong, f"{loss}: NaN or infinite for {', '.join(wrong)}; the others: {verdict}"
    assert verdict == "right", f"{loss}: {verdict}"


def load(name):
    """Return the function of FILE.py:FUNCTION."""
    path, _, function = name.rpartition(":")
    if not path:
        raise ValueError(f"{name}: want FILE.py:FUNCTION")
    spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(path))[0], path)
    if spec is None or not os.path.exists(path):
        raise ValueError(f"{path}: is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec.loader.exec_module(module)
    if not callable(getattr(module, function, None)):
        raise ValueError(f"{path} has no function {function}")
    return getattr(module, function)


def main():
    parser = argparse.ArgumentParser(prog="windtunnel_vectors", description="Run a loss on test vectors; print answers as JSON lines.")
    parser.add_argument("vectors", help="file of vectors, JSON lines, plain or gzip")
    parser.add_argument("function", help="FILE.py:FUNCTION")
    parser.add_argument("--loss", help="only the vectors of this loss")
    parser.add_argument("--trainer", action="store_true", help="FUNCTION makes a trainer")
    given = parser.parse_args()
    try:
        function, vectors = load(given.function), read(given.vectors, given.loss)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    status = 0
    for vector in vectors:
        answered = answer(function, vector, given.trainer)
        if finite(answered):
            print(json.dumps(answered))
        else:
            status = 1
            print(f"{vector['id']} is left out: the answer is NaN or infinite", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
