"""What windtunnel_vectors.check says of right, wrong and impossible functions, a line each."""

import sys

import example_loss
import planted
import windtunnel_vectors


def said(function, *args, well="right", **kwargs):
    try:
        windtunnel_vectors.check(function, *args, **kwargs)
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
    else:
        print(well)


path = sys.argv[1]
said(example_loss.dpo, path, "dpo")
said(planted.make, path, "dpo", trainer=True, well="right, trainer")
said(example_loss.broken, path, "dpo")
said(lambda policy_chosen_logps: policy_chosen_logps.sum() * float("nan"), path, "dpo")
said(planted.naive, path, "dpo")
said(lambda: 0.5, path, "dpo")
said(example_loss.dpo, path, "ipo")
