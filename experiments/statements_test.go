package main

import "slices"

const (
	readme      = "README.md"
	configsPage = "configs/README.md"
)

// statements are the results that documents state; see statement in numbers_test.go.
var statements = []statement{
	{readme, "and 100) | published code, float64 | {} |", []string{"deviation of final from published interpolation"}},
	{readme, "every 50 steps; minibatch loss | the same | {}; {} relative |", []string{"deviation of along from published interpolation", "deviation of loss from published interpolation"}},
	{readme, "(DPO, IPO, f-DPO, TYPO; 5 λ, 2 prompts) | the same | {} |", []string{"deviation of final from published preservation"}},
	{readme, "every 1,000 or 2,000 steps; minibatch loss | the same | {}; {} relative |", []string{
		"deviation of along from published epo_preservation_traces", "deviation of loss from published epo_preservation_traces"}},
	{readme, "f-DPO at other λ: final policies; policy every 500 steps | the same | {}; {} |", []string{
		"deviation of final from published epo_constraint", "deviation of along from published epo_constraint"}},
	{readme, "published code (arXiv 2405.14953) | < 1e-12", nil},
	{readme, "published notebook (arXiv 2407.10490) | < 1e-9 relative", nil},
	{readme, "published code (arXiv 2409.19605) | < 1e-9", nil},
	{readme, "published code (arXiv 2410.08847) | < 1e-12", nil},
	{readme, "five algorithms in two games at three λ, up to 20,000 steps: policies, logits, duality gaps; equilibria | published code (arXiv 2503.08942) | < 1e-9", nil},
	{readme, "GR-DPO, IS-DPO, GR-IPO: policies, logits, weights | published code (arXiv 2312.10584, 2405.20304) | < 1e-9", nil},
	{readme, "limits of DPO and IPO | closed forms | < 1e-10", nil},
	{readme, "derived, after arXiv 2602.12180", nil},
	{readme, "DPO, IPO, f-DPO | paper: collapse | {}, {}, {} |", []string{
		"only mode_mass of interpolation/runs; objective=dpo; lambda=1e-5", "only mode_mass of interpolation/runs; objective=ipo; lambda=1e-5",
		"only mode_mass of interpolation/runs; objective=f-dpo; lambda=1e-5"}},
	{readme, "TYPO | paper: reaches π\\* | {} |", []string{"only tv_star of interpolation/runs; objective=typo; lambda=1e-5"}},
	{readme, "paper: preserves; cannot | {}; {}, {}, {} nats |", []string{
		"max kl_star_pi of preservation/prompts; prompt=good; objective=typo", "max kl_star_pi of preservation/prompts; prompt=good; objective=dpo",
		"max kl_star_pi of preservation/prompts; prompt=good; objective=ipo", "max kl_star_pi of preservation/prompts; prompt=good; objective=f-dpo"}},
	{readme, "that improve the bad prompt by 5 % and", nil},
	{readme, "DPO minimizers at λ = 0.5: L2 penalty 0; 0.1 | paper: equal; not | {}; {} |", []string{
		"only value of constraint/claims; claim=same-without-constraint", "only value of constraint/claims; claim=apart-under-l2"}},
	{readme, "in a one-dimensional class | this project | {}; {} |", []string{
		"only value of early_stopping/claims; claim=apart-when-stopped", "only value of policy_class/claims; claim=apart-in-a-line"}},

	// The ablations.
	{configsPage, "at λ = 0.01 TYPO keeps gaining, to TV {} from", []string{"max max of ablation_data_size/summary; metric=tv_star; objective=typo; lambda=0.01; preferences.n=30000"}},
	{configsPage, "DPO has no minimizer on {} of 20 data sets of 10 comparisons and {} of 30", []string{
		"same missing of ablation_data_size/summary; metric=tv_star; objective=dpo; preferences.n=10",
		"same missing of ablation_data_size/summary; metric=tv_star; objective=dpo; preferences.n=30"}},
	{configsPage, "TYPO at its best λ is {} nearer to π\\* than DPO at its best", []string{"-1 * only detail(mean difference) of ablation_lambda/claims; claim=best-typo-nearer-than-best-dpo"}},
	{configsPage, "at λ = 0.01 TYPO is within {} of π\\* from any", []string{"max max of ablation_reference/summary; metric=tv_star; objective=typo; lambda=0.01"}},
	{configsPage, "at λ = 0.01 DPO puts all mass on it", nil},
	{configsPage, "at λ = 0.1 DPO is {} or more from π\\* at 1,000, on average {} at 3;", []string{
		"only min of ablation_responses/summary; metric=tv_star; objective=dpo; comparisons=population; environment.responses=1000",
		"only mean of ablation_responses/summary; metric=tv_star; objective=dpo; comparisons=population; environment.responses=3"}},
	{configsPage, "tied, TYPO at λ = 0.1 goes from {} of π\\* with 10 to {} with 300;", []string{
		"only mean of ablation_prompts/summary; metric=tv_star; objective=typo; lambda=0.1; policy=linear; environment.prompts=10",
		"only mean of ablation_prompts/summary; metric=tv_star; objective=typo; lambda=0.1; policy=linear; environment.prompts=300"}},
	{configsPage, "0 to 40 % of labels flipped", nil},
	{configsPage, "where the labels say, {} farther from π\\* with 40 % of them wrong", []string{"only detail(mean difference) of ablation_label_noise/claims; claim=wrong-labels-mislead-typo"}},

	// Beyond the table.
	{configsPage, "TYPO at λ = 0.1 brings held-out bad prompts from {} to {} nats of π\\* and takes good ones {} away; DPO at its best λ for bad prompts, 1, reaches {} and takes good ones {} away.", []string{
		"mean kl_star_ref of contextual/groups; group=heldout-bad", "mean kl_star_pi of contextual/groups; group=heldout-bad; objective=typo; lambda=0.1",
		"mean kl_star_pi of contextual/groups; group=heldout-good; objective=typo; lambda=0.1",
		"mean kl_star_pi of contextual/groups; group=heldout-bad; objective=dpo; lambda=1", "mean kl_star_pi of contextual/groups; group=heldout-good; objective=dpo; lambda=1"}},
	{configsPage, "follows the labels' noise, up to {} nats on good prompts", []string{"max kl_star_pi of contextual/groups; group=heldout-good; objective=typo"}},
	{configsPage, "is not always dominated within 0.01 nats; and SimPO at λ = 1, which reads no reference, comes near TYPO ({} on both)", []string{
		"mean kl_star_pi of contextual/groups; group=heldout-good|heldout-bad; objective=simpo; lambda=1"}},
	{configsPage, "TYPO ends {} from π\\* in TV at λ = 10⁻⁵. DPO and IPO put {} % and {} % of the mass on the mode at λ = 0.1 and 0.01; at 10⁻⁵, 2,500 steps of Adam do not get there (about {} % on the mode), and none of DPO, IPO, f-DPO comes nearer to π\\* than {}.", []string{
		"only tv_star of sequence_interpolation/runs; objective=typo; lambda=1e-5",
		"100 * only mode_mass of sequence_interpolation/runs; objective=dpo; lambda=0.1", "100 * only mode_mass of sequence_interpolation/runs; objective=ipo; lambda=0.01",
		"100 * mean mode_mass of sequence_interpolation/runs; objective=dpo|ipo; lambda=1e-5", "min tv_star of sequence_interpolation/runs; objective=dpo|ipo|f-dpo"}},
	{configsPage, "falls as N^-0.5 at every λ tried, the exponent within 0.015: {} at N = 256", []string{"only y of sequence_interpolation/figures/sampling; series=λ = 100; x=256"}},
	{configsPage, "bring a GRU to {} of π\\* with TYPO, a table by prefix only to {} (", []string{
		"max tv_star of sequence_classes/runs; objective=typo; class=gru; lambda=1e-5", "max tv_star of sequence_classes/runs; objective=typo; class=table; lambda=1e-5"}},
	{configsPage, "lm_hh: 3 runs in 2.02 s", nil}, // an example of what is printed
	{configsPage, "dpo done 30 0.715 20.2", nil},

	// The language model.
	{configsPage, "The reference has reward {}. The best of 16 has {} at {} nats; RLHF by REINFORCE {} at {} and {} at {}; DPO {} at {} and {} at {};", []string{
		"mean ref_reward of lm_frontier/runs",
		"only mean of lm_frontier/summary; metric=reward; objective=best-of-n; objective.n=16", "max mean of lm_frontier/summary; metric=kl_pi_ref; objective=best-of-n",
		"only mean of lm_frontier/summary; metric=reward; objective=rlhf; lambda=0.1", "only mean of lm_frontier/summary; metric=kl_pi_ref; objective=rlhf; lambda=0.1",
		"only mean of lm_frontier/summary; metric=reward; objective=rlhf; lambda=0.01", "only mean of lm_frontier/summary; metric=kl_pi_ref; objective=rlhf; lambda=0.01",
		"only mean of lm_frontier/summary; metric=reward; objective=dpo; lambda=1", "only mean of lm_frontier/summary; metric=kl_pi_ref; objective=dpo; lambda=1",
		"only mean of lm_frontier/summary; metric=reward; objective=dpo; lambda=0.1", "only mean of lm_frontier/summary; metric=kl_pi_ref; objective=dpo; lambda=0.1"}},
	{configsPage, "in place of its KL, {} at {} and {} at {}, with two responses standing in or eight samples alike. Below λ = 0.03", []string{
		"mean mean of lm_frontier/summary; metric=reward; objective=typo|typo-8; lambda=0.3", "mean mean of lm_frontier/summary; metric=kl_pi_ref; objective=typo|typo-8; lambda=0.3",
		"only mean of lm_frontier/summary; metric=reward; objective=typo; lambda=0.1", "only mean of lm_frontier/summary; metric=kl_pi_ref; objective=typo; lambda=0.1"}},
	{configsPage, "gains little more ({}, then {}), TYPO nothing", []string{
		"only mean of lm_frontier/summary; metric=reward; objective=dpo; lambda=0.03", "only mean of lm_frontier/summary; metric=reward; objective=dpo; lambda=0.01"}},
	{configsPage, "DPO by {} and {} nats, KTO by {} and {}, SimPO by {} and {}, TYPO by {} and {}. DPO-Positive ({}), ORPO ({}) and Cal-DPO ({}) displace least and gain least, to rewards of {}, {} and {}. RPO ({}), IPO ({}) and CPO ({}) follow, with {}, {} and {};", slices.Concat(
		shifts("dpo"), shifts("kto"), shifts("simpo"), shifts("typo"), shifts("dpo-positive")[:1], shifts("orpo")[:1], shifts("cal-dpo")[:1],
		gains("dpo-positive", "orpo", "cal-dpo"), shifts("rpo")[:1], shifts("ipo")[:1], shifts("cpo")[:1], gains("rpo", "ipo", "cpo"))},
	{configsPage, "(DPO at λ = 0.1: {} nats on both, the difference within {}), and raises the mean reward of both, but for IPO and TYPO at λ = 10, which have {} and {} on good ones, where the reference has {}.", []string{
		"mean kl_pi_ref of lm_preservation/groups; group=heldout-good|heldout-bad; objective=dpo; lambda=0.1", "-1 * only value of lm_preservation/claims; claim=same-movement",
		"mean reward of lm_preservation/groups; group=heldout-good; objective=ipo; lambda=10", "mean reward of lm_preservation/groups; group=heldout-good; objective=typo; lambda=10",
		"mean reward of lm_preservation/groups; group=heldout-good; objective=best-of-n"}},
	{configsPage, "the proxy goes from {} to {}, while the gold reward rises from {} to {} in two and falls to {}. IPO's and TYPO's do not fall: from two rounds to twelve IPO's goes from {} to {} and TYPO's from {} to {}, at {} nats of KL where DPO has {}. RLHF, held at {} nats by its penalty, has {}.", []string{
		"mean proxy_reward of lm_overoptimization/evaluations; step=0; group=heldout", overoptimized("proxy_reward", "dpo", "12"),
		"mean reward of lm_overoptimization/evaluations; step=0; group=heldout", overoptimized("reward", "dpo", "2"), overoptimized("reward", "dpo", "12"),
		overoptimized("reward", "ipo", "2"), overoptimized("reward", "ipo", "12"), overoptimized("reward", "typo", "2"), overoptimized("reward", "typo", "12"),
		overoptimized("kl_pi_ref", "typo", "12"), overoptimized("kl_pi_ref", "dpo", "12"),
		overoptimized("kl_pi_ref", "rlhf", ""), overoptimized("reward", "rlhf", "")}},
	{configsPage, "had a slack of 0.3 nats", nil},
	{configsPage, "A step of DPO takes {} ms on two cores, {} times PyTorch's best speed on the same machine, and generation runs at 52,000 tokens a second", []string{
		"in results/benchmarks/lm.md: | this project, two cores | {} ms a step", "in results/benchmarks/lm.md: two cores here are {} times as fast"}},

	// Elsewhere.
	{"experiments/scorecard/README.md", "value {}: KL(pi_star to pi), in nats, on the good prompt", []string{"only value of scorecard/scorecard; loss=dpo; test=preservation"}},

	// What the configs' claims say of what was measured.
	{"configs/contextual.yaml", "take TYPO at lambda = 0.001 from {} to 0.15 nats on held-out good prompts and DPO from {} to 204;", []string{
		"mean kl_star_pi of contextual/groups; group=heldout-good; objective=typo; lambda=0.001; seed=1|2|3",
		"mean kl_star_pi of contextual/groups; group=heldout-good; objective=dpo; lambda=0.001; seed=1|2|3"}},
	{"configs/contextual.yaml", "(The least in an environment is {}.)", []string{
		"only detail(tv_star on heldout-bad) of contextual/claims; claim=small-lambda-typo-bad minus only detail(lambda=0.001:) of contextual/claims; claim=small-lambda-typo-bad"}},
	{"configs/contextual.yaml", "(They are up to {} away, and on the mean about {} on prompts that they were trained on, too; at lambda = 0.1 training", []string{
		"max tv_mode of contextual/groups; group=heldout-good; objective=dpo|ipo|f-dpo; lambda=0.001", "mean tv_mode of contextual/groups; group=good; objective=dpo|ipo|f-dpo; lambda=0.001"}},
	{"configs/contextual.yaml", "(At lambda = 0.001 it is up to {}; {} in the mean, and {} on good prompts that it was trained on.)", []string{
		"max kl_star_pi of contextual/groups; group=heldout-good; objective=typo; lambda=0.001", "mean kl_star_pi of contextual/groups; group=heldout-good; objective=typo; lambda=0.001",
		"mean kl_star_pi of contextual/groups; group=good; objective=typo; lambda=0.001"}},
	{"configs/contextual.yaml", "which moves good prompts by {}; the nearest TYPO policy, at lambda = 1, moves them {} further", []string{
		"only detail(kl_star_pi on heldout-good) of contextual/claims; claim=dominated", "only value of contextual/claims; claim=dominated"}},
	{"configs/contextual.yaml", "(Not shown for DPO at lambda = 0.1, which is {} nats away on either.)", []string{
		"mean kl_star_pi of contextual/groups; group=heldout-bad|bad; objective=dpo; lambda=0.1"}},
	{"configs/contextual.yaml", "(At lambda = 0.001 it is {}.)", []string{"only detail(mean difference) of contextual/claims; claim=gap-good-small"}},
	{"configs/lm_displacement.yaml", "(ORPO's, between {} and {} nats, is below 0 on one seed", []string{
		"min margin of lm_displacement/runs; objective=orpo", "max margin of lm_displacement/runs; objective=orpo"}},
	{"configs/lm_displacement.yaml", "correlation is {} to {} over the seeds", []string{
		"min ches_rank of lm_displacement/runs; objective=dpo", "max ches_rank of lm_displacement/runs; objective=dpo"}},
	{"configs/lm_displacement.yaml", "(It lowers it by {} to {} nats.)", []string{
		"-1 * max chosen_shift of lm_displacement/runs; objective=cpo", "-1 * min chosen_shift of lm_displacement/runs; objective=cpo"}},
	{"configs/lm_displacement.yaml", "(On average it takes {} nats less; the interval over five seeds, {} to {}, has", []string{
		"only detail(mean difference) of lm_displacement/claims; claim=typo-displaces-less", "only detail(interval) of lm_displacement/claims; claim=typo-displaces-less",
		"only detail(to) of lm_displacement/claims; claim=typo-displaces-less"}},
	{"configs/lm_frontier.yaml", "(It wins {} to {} %; with the first three seeds, more than 60.)", []string{
		"100 * min win_rate of lm_frontier/runs; objective=typo; lambda=0.01", "100 * max win_rate of lm_frontier/runs; objective=typo; lambda=0.01"}},
	{"configs/lm_frontier.yaml", "(The least fall is {} nats.)", []string{"-1 * only value of lm_frontier/claims; claim=kl-falls"}},
	{"configs/lm_frontier.yaml", "(Which goes further from the reference, {} nats against {}.)", []string{
		"only mean of lm_frontier/summary; metric=kl_pi_ref; objective=dpo; lambda=1", "mean kl_pi_ref of lm_frontier/runs; objective=best-of-n; n=4"}},
	{"configs/lm_frontier.yaml", "(On average it is, by {} nats; the interval over five seeds, {} to {}, has", []string{
		"-1 * only detail(mean difference) of lm_frontier/claims; claim=rlhf-is-cheaper", "only detail(interval) of lm_frontier/claims; claim=rlhf-is-cheaper",
		"only detail(to) of lm_frontier/claims; claim=rlhf-is-cheaper"}},
	{"configs/lm_overoptimization.yaml", "(After 12 rounds it still wins {} to {} %, after two {} to {} %.)", []string{
		"100 * min win_rate of lm_overoptimization/runs; objective=dpo; preferences.rounds=12", "100 * max win_rate of lm_overoptimization/runs; objective=dpo; preferences.rounds=12",
		"100 * min win_rate of lm_overoptimization/runs; objective=dpo; preferences.rounds=2", "100 * max win_rate of lm_overoptimization/runs; objective=dpo; preferences.rounds=2"}},
	{"configs/lm_overoptimization.yaml", "(It wins {} to {} %. Its KL penalty, at a reward of at most 1, holds it at {} nats.)", []string{
		"100 * min win_rate of lm_overoptimization/runs; objective=rlhf", "100 * max win_rate of lm_overoptimization/runs; objective=rlhf", overoptimized("kl_pi_ref", "rlhf", "")}},
	{"configs/lm_preservation.yaml", "(By {} on average, with a 95 % interval from {} to {} over five seeds; three did", []string{
		"only detail(mean difference) of lm_preservation/claims; claim=reference-differs", "only detail(interval) of lm_preservation/claims; claim=reference-differs",
		"only detail(to) of lm_preservation/claims; claim=reference-differs"}},
	{"configs/lm_preservation.yaml", "(TYPO at lambda = 10 has {} on one seed, where the reference has {}. With", []string{
		"only detail(reward on heldout-good) of lm_preservation/claims; claim=nothing-lost", "only bound of lm_preservation/claims; claim=nothing-lost"}},
	{"configs/lm_preservation.yaml", "(Of the gap of {} there is {} left, with an interval from {} to {};", []string{
		"only detail(mean difference) of lm_preservation/claims; claim=reference-differs", "only detail(mean difference) of lm_preservation/claims; claim=bad-gains-more",
		"only detail(interval) of lm_preservation/claims; claim=bad-gains-more", "only detail(to) of lm_preservation/claims; claim=bad-gains-more"}},
	{"configs/lm_preservation.yaml", "(On average it does, by {} nats; the interval over five seeds, {} to {}, has", []string{
		"-1 * only detail(mean difference) of lm_preservation/claims; claim=typo-moves-less", "only detail(interval) of lm_preservation/claims; claim=typo-moves-less",
		"only detail(to) of lm_preservation/claims; claim=typo-moves-less"}},
	{"configs/overoptimization.yaml", "(On average it does, by {} nats; its interval over ten seeds has", []string{
		"-1 * only detail(mean difference) of overoptimization/claims; claim=gold-falls-below-the-start"}},
	{"configs/ablations/coverage.yaml", "(lambda = 0.1 and 1)", nil},
	{"configs/ablations/data_size.yaml", "as in {} of the 20 data sets of 10 draws.)", []string{
		"same missing of ablation_data_size/summary; metric=tv_star; objective=dpo|f-dpo|chi-po; preferences.n=10"}},
	{"configs/ablations/lambda.yaml", "The worst, a run of chi-PO, lies {} beyond the runs of TYPO.)", []string{"only value of ablation_lambda/claims; claim=typo-dominates-exactly"}},
}

// relations are what documents say of order; see relation in numbers_test.go.
var relations = []relation{
	{"no run improves the bad prompt and is not dominated", "only value of preservation/claims; claim=qpo-dominated", "<=", "0"},
	{"from 300 draws on the others are at the mode", "max max of ablation_data_size/summary; metric=tv_star; objective=dpo|ipo|f-dpo|chi-po; lambda=0.01; preferences.n=300|1000|3000|10000|30000", "<", "0.40001"},
	{"DPO puts all mass on a response with pi_ref = 1e-8 at lambda 0.01", "0.999", "<", "only value of ablation_reference/claims; claim=small-lambda-brings-it-back"},
	{"it stays missing at lambda 1", "only value of ablation_reference/claims; claim=missing-stays-missing", "<", "1e-7"},
	{"separate, DPO has no minimizer on 30 or more prompts", "20", "=", "min missing of ablation_prompts/summary; metric=tv_star; objective=dpo; policy=tabular; environment.prompts=30|100|300"},
	{"and has some on 10", "max missing of ablation_prompts/summary; metric=tv_star; objective=dpo; policy=tabular; environment.prompts=10", "<", "20"},
	{"N^-0.5 within 0.015, below", "only value of sequence_interpolation/claims; claim=sampling-error", "<", "-0.4849"},
	{"N^-0.5 within 0.015, above", "-0.515", "<", "only value of sequence_interpolation/claims; claim=sampling-error"},
	{"six of eleven claims of contextual.yaml do not hold", "6", "=", "count of contextual/claims; holds=false"},
	{"eleven", "11", "=", "count of contextual/claims"},
	{"contextual.yaml: at lambda = 0.1 training ends nearer to the mode", "mean tv_mode of contextual/groups; group=good; objective=dpo|ipo|f-dpo; lambda=0.1", "<", "mean tv_mode of contextual/groups; group=good; objective=dpo|ipo|f-dpo; lambda=0.001"},
	{"every one of twelve losses lowers the chosen response", "max mean of lm_displacement/summary; metric=chosen_shift", "<", "0"},
	{"and the rejected one by a little more", "0", "<", "min mean of lm_displacement/summary; metric=margin"},
	{"twelve", "12", "=", "count of lm_displacement/summary; metric=margin"},
	{"IPO displaces less than CPO", "only mean of lm_displacement/summary; metric=chosen_shift; objective=cpo", "<", "only mean of lm_displacement/summary; metric=chosen_shift; objective=ipo"},
	{"Cal-DPO displaces less than RPO", "only mean of lm_displacement/summary; metric=chosen_shift; objective=rpo", "<", "only mean of lm_displacement/summary; metric=chosen_shift; objective=cal-dpo"},
	{"and gains less than any but DPO-Positive and ORPO", "only mean of lm_displacement/summary; metric=reward; objective=cal-dpo", "<", "min mean of lm_displacement/summary; metric=reward; objective=dpo|ipo|hinge|exo|kto|simpo|cpo|rpo|typo"},
	{"losses raise the mean reward of bad prompts, at every lambda", "mean reward of lm_preservation/groups; group=heldout-bad; objective=best-of-n", "<", "mean reward of lm_preservation/groups; group=heldout-bad; objective=typo; lambda=10"},
	{"below lambda = 0.03 TYPO gains nothing more", "only mean of lm_frontier/summary; metric=reward; objective=typo; lambda=0.01", "<", "only mean of lm_frontier/summary; metric=reward; objective=typo; lambda=0.03"},
}

// shifts are the nats that a loss takes from the chosen and from the rejected response.
func shifts(loss string) []string {
	const of = "-1 * only mean of lm_displacement/summary; objective="
	return []string{of + loss + "; metric=chosen_shift", of + loss + "; metric=rejected_shift"}
}

func gains(losses ...string) (sources []string) {
	for _, loss := range losses {
		sources = append(sources, "only mean of lm_displacement/summary; metric=reward; objective="+loss)
	}
	return sources
}

func overoptimized(metric, loss, rounds string) string {
	return "only mean of lm_overoptimization/summary; metric=" + metric + "; objective=" + loss + "; preferences.rounds=" + rounds
}
