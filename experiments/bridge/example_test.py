"""The check of a loss as a test for pytest; the path of the vectors is from this file."""

import os

import example_loss
import windtunnel_vectors

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors", "vectors-1.jsonl.gz")


def test_dpo():
    windtunnel_vectors.check(example_loss.dpo, VECTORS, "dpo")
