#!/bin/sh
# Regenerates the paper's figures and everything else under results/, from scratch. Needs Go and nothing else.
set -eu
cd "$(dirname "$0")"
exec go run ./experiments run --fresh "$@" \
	configs/paper.yaml \
	configs/constraints.yaml \
	configs/policy_class.yaml \
	configs/exact_interpolation.yaml \
	configs/preservation_random.yaml \
	configs/separable.yaml \
	configs/disconnected.yaml
