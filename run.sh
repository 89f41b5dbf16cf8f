#!/bin/sh
# Regenerates the paper's figures and the other results in seconds; `./run.sh more` makes what lies beyond the paper and the
# ablations as well, in minutes, `./run.sh all` the language model too, some 45 minutes, and `./run.sh scorecard` the scorecard of
# all losses, some eight. Needs Go and nothing else.
set -eu
cd "$(dirname "$0")"
more="configs/contextual.yaml configs/sequence_interpolation.yaml configs/sequence_classes.yaml configs/overoptimization.yaml configs/ablations configs/published"
lm="configs/lm_frontier.yaml configs/lm_displacement.yaml configs/lm_preservation.yaml configs/lm_overoptimization.yaml"
case "${1-}" in
more) shift && lm= ;;
all) shift ;;
scorecard) shift && exec go run ./experiments run "$@" configs/scorecard.yaml ;;
*) more= lm= ;;
esac
status=0
go run ./experiments run "$@" \
	configs/paper.yaml \
	configs/constraints.yaml \
	configs/policy_class.yaml \
	configs/exact_interpolation.yaml \
	configs/preservation_random.yaml \
	configs/separable.yaml \
	configs/disconnected.yaml \
	configs/counts.yaml \
	configs/intransitive.yaml \
	$more $lm || status=$?
[ $# -gt 0 ] || cat <<'END'
Where to look: the paper's figures in results/paper/figures, verdicts on its claims in results/paper/claims.csv; every config has a
  folder of its own under results, told of in configs/README.md. All on one page, or by hand:
    go run ./experiments report results/paper results/constraints -o report.html
    go run ./experiments explore
END
exit $status
