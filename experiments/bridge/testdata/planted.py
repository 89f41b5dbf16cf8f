"""Preference losses as people write them in PyTorch, with mistakes to be planted by name, run on the vectors of a file.

    python3 planted.py VECTORS.jsonl FOLDER

writes answers to FOLDER/LOSS.MISTAKE.jsonl for every mistake that the vectors of the loss have, and for "right".
"""

import json
import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import windtunnel_vectors


def remasked(mask, attention, mistakes):
    """Which positions count. A mask is padded by a column of zeros where it is shifted."""
    zero = torch.zeros_like(mask[:, :1])
    if "shifted-left" in mistakes:
        return torch.cat([mask[:, 1:], zero], 1)
    if "shifted-right" in mistakes:
        return torch.cat([zero, mask[:, :-1]], 1)
    if "prompt-counted" in mistakes:
        return attention
    if "padding-counted" in mistakes:
        return torch.where(attention == 0, torch.ones_like(mask), mask)
    if "everything-counted" in mistakes:
        return torch.ones_like(mask)
    first = (mask.cumsum(1) == 1) * mask
    last = (mask.flip(1).cumsum(1).flip(1) == 1) * mask
    if "bos-dropped" in mistakes:
        return mask - first
    if "eos-dropped" in mistakes:
        return mask - last
    if "bos-counted" in mistakes:
        return torch.maximum(mask, (attention.cumsum(1) == 1) * attention)
    if "eos-counted" in mistakes:
        return torch.maximum(mask, torch.cat([zero, last[:, :-1]], 1) * attention)
    return mask


def losses(name, mistakes=()):
    """Return the function of token log-probabilities that implements a loss with some mistakes."""

    def function(policy_chosen_logps, policy_rejected_logps, ref_chosen_logps, ref_rejected_logps, chosen_mask, rejected_mask,
                 chosen_attention_mask, rejected_attention_mask, beta, label_smoothing=0.0, gamma=0.0, cpo_alpha=1.0, sft_mean="tokens",
                 desirable_weight=1.0, undesirable_weight=1.0, **_):
        kind, e = name, label_smoothing
        if "beta-doubled" in mistakes:
            beta = beta * 2
        if "label-smoothing-ignored" in mistakes:
            e = 0.0
        c, r, rc, rr = policy_chosen_logps, policy_rejected_logps, ref_chosen_logps, ref_rejected_logps
        mc, mr, ac, ar = chosen_mask, rejected_mask, chosen_attention_mask, rejected_attention_mask
        if "labels-swapped" in mistakes:
            c, r, rc, rr, mc, mr, ac, ar = r, c, rr, rc, mr, mc, ar, ac
        if "reference-not-detached" in mistakes:  # the reference moves with the policy
            rc, rr = rc + c - c.detach(), rr + r - r.detach()
        mc, mr = remasked(mc, ac, mistakes), remasked(mr, ar, mistakes)
        nc, nr = mc.sum(1).clamp(min=1), mr.sum(1).clamp(min=1)
        tokens_c, chosen_row = c, mc
        c, r, rc, rr = (c * mc).sum(1), (r * mr).sum(1), (rc * mc).sum(1), (rr * mr).sum(1)
        if "reference-left-out" in mistakes:
            rc, rr = torch.zeros_like(rc), torch.zeros_like(rr)
        if "mean-for-sum" in mistakes:
            c, r, rc, rr = c / nc, r / nr, rc / nc, rr / nr
        if "sum-for-mean" in mistakes:
            nc, nr = torch.ones_like(nc), torch.ones_like(nr)
        if "mean-over-row" in mistakes:
            nc, nr = torch.full_like(nc, mc.shape[1]), torch.full_like(nr, mr.shape[1])
        for other in ("sigmoid", "hinge", "ipo"):
            if "trained-as-" + other in mistakes:
                kind, e = {"sigmoid": "dpo"}.get(other, other), 0.0
        if name in ("simpo", "cpo", "orpo"):  # no reference
            rc, rr = torch.zeros_like(rc), torch.zeros_like(rr)
            if kind == "ipo":
                nc, nr = torch.ones_like(nc), torch.ones_like(nr)
        loss = margin(kind, c, r, rc, rr, nc, nr, beta, e, gamma, mistakes, desirable_weight, undesirable_weight)
        loss = loss.sum() if "batch-summed" in mistakes else loss.mean()
        if name in ("cpo", "orpo") and "sft-left-out" not in mistakes:
            mask = ac if "sft-prompt-counted" in mistakes else chosen_row
            nll = -(tokens_c * mask).sum(1)
            pairs = (sft_mean == "pairs") != ("sft-wrong-mean" in mistakes)
            if "sft-summed" in mistakes:
                nll = nll.mean()
            elif pairs:
                nll = (nll / mask.sum(1).clamp(min=1)).mean()
            else:
                nll = nll.sum() / mask.sum().clamp(min=1)
            loss = loss + (cpo_alpha if name == "cpo" else 1.0) * nll
        return loss

    return function


def margin(kind, c, r, rc, rr, nc, nr, beta, e, gamma, mistakes, w_d, w_u):
    """One value a pair."""
    x, y = c - rc, r - rr
    z = beta * (x - y)
    if kind in ("dpo", "cpo"):
        return -(1 - e) * F.logsigmoid(z) - e * F.logsigmoid(-z)
    if kind == "ipo":
        return (x / nc - y / nr - 1 / (2 * beta)) ** 2
    if kind == "hinge":
        return torch.relu(1 - z)
    if kind == "robust":
        return (-(1 - e) * F.logsigmoid(z) + e * F.logsigmoid(-z)) / (1 - 2 * e)
    if kind == "simpo":
        return -F.logsigmoid(beta * (x / nc - y / nr) - gamma)
    if kind == "nca":
        return -F.logsigmoid(beta * x) - 0.5 * F.logsigmoid(-beta * x) - 0.5 * F.logsigmoid(-beta * y)
    if kind == "sppo":
        return (x - 0.5 / beta) ** 2 + (y + 0.5 / beta) ** 2
    if kind == "orpo":
        c, r = c / nc, r / nr
        odds = (c - r) - (torch.log(-torch.expm1(c)) - torch.log(-torch.expm1(r)))
        return -beta * F.logsigmoid(odds)
    if kind == "wpo":
        weight = torch.exp(c / nc + r / nr)
        if "weights-not-detached" not in mistakes:
            weight = weight.detach()
        if "mean-for-sum" in mistakes:  # c and r are means already
            weight = torch.exp(c + r).detach()
        return -weight * F.logsigmoid(z)
    if kind == "kto":
        kl = {"kl-of-chosen": x.mean(), "kl-of-rejected": y.mean(), "kl-left-out": torch.zeros_like(x[0])}
        kl = next((kl[m] for m in mistakes if m in kl), (x.mean() + y.mean()) / 2)
        if "kl-below-zero" not in mistakes:
            kl = kl.clamp(min=0)
        if "weights-not-detached" not in mistakes:
            kl = kl.detach()
        return (w_d * torch.sigmoid(-beta * (x - kl)) + w_u * torch.sigmoid(-beta * (kl - y))) / 2
    raise ValueError(kind)


class Trainer:
    """As trainers of language models are: two forward passes, labels shifted against logits, a mask of the completion."""

    def __init__(self, model, ref_model, name, mistakes, params):
        self.model, self.ref_model, self.function, self.params = model, ref_model, losses(name, mistakes), params

    def compute_loss(self, model, inputs, return_outputs=False):
        logps = []
        for network in (model, self.ref_model):
            logits = network(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits[:, :-1]
            labels = inputs["input_ids"][:, 1:]
            token = logits.log_softmax(-1).gather(-1, labels[..., None])[..., 0]
            logps.append(F.pad(token, (1, 0)))
        (c, r), (rc, rr) = (x.chunk(2) for x in logps)
        mc, mr = inputs["completion_mask"].double().chunk(2)
        ac, ar = inputs["attention_mask"].double().chunk(2)
        loss = self.function(c, r, rc.detach(), rr.detach(), mc, mr, ac, ar, **self.params)
        return (loss, {}) if return_outputs else loss


def make(model, ref_model, **params):
    return Trainer(model, ref_model, "dpo", (), params)


def make_mean_for_sum(model, ref_model, **params):
    return Trainer(model, ref_model, "dpo", ("mean-for-sum",), params)


def naive(policy_chosen_logps, policy_rejected_logps, ref_chosen_logps, ref_rejected_logps, chosen_mask, rejected_mask, beta, label_smoothing):
    """A mean, which is 0/0 where no token counts."""
    c = (policy_chosen_logps - ref_chosen_logps).mul(chosen_mask).sum(1) / chosen_mask.sum(1)
    r = (policy_rejected_logps - ref_rejected_logps).mul(rejected_mask).sum(1) / rejected_mask.sum(1)
    z = F.logsigmoid(beta * (c - r))
    return -(1 - label_smoothing) * z - label_smoothing * F.logsigmoid(-beta * (c - r))


def main():
    path, folder = sys.argv[1:]
    vectors = windtunnel_vectors.read(path)
    for name in sorted({v["loss"] for v in vectors}):
        mine = [v for v in vectors if v["loss"] == name]
        for mistake in ["right", *sorted({m for v in mine for m in v["mistakes"]})]:
            with open(os.path.join(folder, f"{name}.{mistake}.jsonl"), "w") as out:
                for v in mine:
                    out.write(json.dumps(windtunnel_vectors.answer(losses(name, (mistake,)), v)) + "\n")


if __name__ == "__main__":
    main()
