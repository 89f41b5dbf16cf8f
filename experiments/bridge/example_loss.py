"""DPO as a function of token log-probabilities, right and with the mistake that is met most often."""

import torch.nn.functional as F


def dpo(policy_chosen_logps, policy_rejected_logps, ref_chosen_logps, ref_rejected_logps, chosen_mask, rejected_mask, beta, label_smoothing):
    chosen = ((policy_chosen_logps - ref_chosen_logps) * chosen_mask).sum(1)
    rejected = ((policy_rejected_logps - ref_rejected_logps) * rejected_mask).sum(1)
    logits = beta * (chosen - rejected)
    return -(1 - label_smoothing) * F.logsigmoid(logits) - label_smoothing * F.logsigmoid(-logits)


def broken(policy_chosen_logps, policy_rejected_logps, ref_chosen_logps, ref_rejected_logps, chosen_mask, rejected_mask, beta, label_smoothing):
    chosen = ((policy_chosen_logps - ref_chosen_logps) * chosen_mask).sum(1) / chosen_mask.sum(1).clamp(min=1)
    rejected = ((policy_rejected_logps - ref_rejected_logps) * rejected_mask).sum(1) / rejected_mask.sum(1).clamp(min=1)
    logits = beta * (chosen - rejected)
    return -(1 - label_smoothing) * F.logsigmoid(logits) - label_smoothing * F.logsigmoid(-logits)
