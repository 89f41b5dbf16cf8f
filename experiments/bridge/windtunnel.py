"""Serve a preference loss of your own to windtunnel: {kind: external, command: [python3, my_loss.py], lambda: 0.1}.

    import windtunnel
    def my_loss(policy_chosen_logps, policy_rejected_logps, ref_chosen_logps, ref_rejected_logps, beta, gamma=0.5):
        ...                                # float64 tensors of PyTorch, an entry a pair
        return losses                      # one value a pair, of which the weighted mean is the loss, or that mean itself
    windtunnel.serve(my_loss)

A parameter is a column (see COLUMNS; policy_logps and ref_logps are pairs x responses), beta, or one of the config's
`constants`. The gradient is what autograd says. With gradient=, both functions are given numpy arrays, or lists where numpy is
missing: gradient returns the derivatives of the weighted mean by each column of the policy that it takes, as a dict by name.
"""

import inspect
import json
import math
import os
import sys

COLUMNS = ("policy_chosen_logps", "policy_rejected_logps", "ref_chosen_logps", "ref_rejected_logps", "weight", "chosen_tokens",
           "rejected_tokens", "reward_chosen", "reward_rejected", "policy_logps", "ref_logps")
OTHER_NAMES = {"reference_chosen_logps": "ref_chosen_logps", "reference_rejected_logps": "ref_rejected_logps", "lambda_": "beta"}


def parameters(function):
    """Return the names of a function's parameters, those without a default, and whether it takes any other."""
    all_of = inspect.signature(getattr(function, "forward", function)).parameters.values()
    named = [p for p in all_of if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return [p.name for p in named], [p.name for p in named if p.default is p.empty], any(p.kind == p.VAR_KEYWORD for p in all_of)


def serve(loss, gradient=None):
    """Answer questions on stdin until it ends. What is printed meanwhile goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    sys.stdout.flush()
    os.dup2(2, 1)
    names, required, anything = parameters(loss)
    columns = {OTHER_NAMES.get(n, n) for n in names + (parameters(gradient)[0] if gradient else [])}
    columns = [c for c in COLUMNS if c in columns or c == "weight"]
    others = [n for n in names if OTHER_NAMES.get(n, n) not in (*COLUMNS, "beta")]

    def say(line):
        answers.write(json.dumps(line) + "\n")
        answers.flush()

    say({"columns": columns, "required": [n for n in others if n in required],
         "optional": [n for n in others if n not in required], "any": anything})
    answerer = Autograd(loss) if gradient is None else Given(loss, gradient)
    last = None
    for line in sys.stdin:
        ask, rest = line.split(",", 1)  # {"ask":"value" or {"ask":"gradient"
        if rest != last:
            answerer.given(json.loads("{" + rest))
            last = rest
        say({"value": answerer.value()} if ask.endswith('"value"') else {"gradient": answerer.gradient()})


class Given:
    """A function of arrays with a gradient of its own."""

    def __init__(self, loss, gradient):
        self.loss, self.by = loss, gradient
        self.parameters = {f: parameters(f) for f in (loss, gradient) if f is not None}

    def array(self, name, values):
        try:
            import numpy
        except ImportError:
            return values
        return numpy.array(values)

    def given(self, question):
        """Take what a question gives."""
        self.scalars = {"beta": question["beta"], **question["constants"]}
        self.columns = {c: self.array(c, question[c]) for c in COLUMNS if c in question}
        self.mean = None

    def call(self, function):
        """Call a function with those of its parameters that are known."""
        names, _, anything = self.parameters[function]
        known = {**self.columns, **self.scalars}
        arguments = {n: known[OTHER_NAMES.get(n, n)] for n in names if OTHER_NAMES.get(n, n) in known}
        return function(**arguments, **({n: v for n, v in self.scalars.items() if n not in arguments} if anything else {}))

    def value(self):
        """Return the weighted mean."""
        losses = self.call(self.loss)
        if not hasattr(losses, "__len__") or getattr(losses, "ndim", 1) == 0:
            return float(losses)
        return math.fsum(w * v for w, v in zip(self.columns["weight"], losses))

    def gradient(self):
        """Return the derivatives by name."""
        return {n: v.tolist() if hasattr(v, "tolist") else v for n, v in self.call(self.by).items()}


class Autograd(Given):
    """A function of PyTorch tensors."""

    def __init__(self, loss):
        import torch

        torch.set_num_threads(1)
        self.torch, self.policies = torch, [c for c in COLUMNS if c.startswith("policy_")]
        super().__init__(loss, None)

    def array(self, name, values):
        return self.torch.tensor(values, dtype=self.torch.float64, requires_grad=name in self.policies)

    def forward(self):
        """Return the weighted mean as a tensor, computed once a question."""
        if self.mean is None:
            losses, n = self.call(self.loss), len(self.columns["weight"])
            if not self.torch.is_tensor(losses) or losses.dtype != self.torch.float64 or tuple(losses.shape) not in ((), (n,)):
                what = f"{losses.dtype} of shape {tuple(losses.shape)}" if self.torch.is_tensor(losses) else type(losses).__name__
                raise TypeError(f"the loss returns {what}; want float64, one value for each of {n} pairs, or their mean")
            self.mean = losses * self.columns["weight"].sum() if losses.ndim == 0 else (self.columns["weight"] * losses).sum()
        return self.mean

    def value(self):
        return self.forward().item()

    def gradient(self):
        mean, by = self.forward(), {n: c for n, c in self.columns.items() if n in self.policies}
        grads = self.torch.autograd.grad(mean, list(by.values()), retain_graph=True, allow_unused=True)
        return {n: (self.torch.zeros_like(c) if g is None else g).tolist() for (n, c), g in zip(by.items(), grads)}
