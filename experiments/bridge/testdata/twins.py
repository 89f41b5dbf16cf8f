"""Losses that windtunnel has, in PyTorch."""

import sys

import torch.nn.functional as F
import windtunnel


def dpo(policy_chosen_logps, policy_rejected_logps, ref_chosen_logps, ref_rejected_logps, beta):
    logits = (policy_chosen_logps - ref_chosen_logps) - (policy_rejected_logps - ref_rejected_logps)
    return -F.logsigmoid(beta * logits)


def ipo(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
    logits = (policy_chosen_logps - reference_chosen_logps) - (policy_rejected_logps - reference_rejected_logps)
    return (logits - 1 / (2 * beta)) ** 2


def simpo(policy_chosen_logps, policy_rejected_logps, chosen_tokens, rejected_tokens, beta, gamma):
    return -F.logsigmoid(beta * (policy_chosen_logps / chosen_tokens - policy_rejected_logps / rejected_tokens) - gamma)


def typo(policy_chosen_logps, policy_rejected_logps, policy_logps, ref_logps, beta):
    data = -F.logsigmoid(policy_chosen_logps - policy_rejected_logps)
    return data + beta * (ref_logps.exp() * (ref_logps - policy_logps)).sum(1)


class Odpo:
    """DPO with the gap of the rewards as an offset, of which the mean over the batch is returned."""

    def __init__(self, scale):
        self.scale = scale

    def __call__(self, policy_chosen_logps, policy_rejected_logps, ref_chosen_logps, ref_rejected_logps, reward_chosen, reward_rejected, weight, beta):
        logits = (policy_chosen_logps - ref_chosen_logps) - (policy_rejected_logps - ref_rejected_logps)
        return (weight * -F.logsigmoid(beta * logits - self.scale * (reward_chosen - reward_rejected))).sum()


def hinge(policy_chosen_logps, policy_rejected_logps, ref_chosen_logps, ref_rejected_logps, beta):
    logits = [c - r - rc + rr for c, r, rc, rr in zip(policy_chosen_logps, policy_rejected_logps, ref_chosen_logps, ref_rejected_logps)]
    return [max(0, 1 - beta * u) for u in logits]


def hinge_gradient(policy_chosen_logps, policy_rejected_logps, ref_chosen_logps, ref_rejected_logps, beta, weight):
    slopes = [-beta * w * (v > 0) for v, w in zip(hinge(policy_chosen_logps, policy_rejected_logps, ref_chosen_logps, ref_rejected_logps, beta), weight)]
    return {"policy_chosen_logps": slopes, "policy_rejected_logps": [-v for v in slopes]}


if sys.argv[1] == "hinge":
    windtunnel.serve(hinge, gradient=hinge_gradient)
else:
    windtunnel.serve({"dpo": dpo, "ipo": ipo, "simpo": simpo, "typo": typo, "odpo": Odpo(1.0)}[sys.argv[1]])
