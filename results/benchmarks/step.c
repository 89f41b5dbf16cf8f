/* One training step of the published interpolation test in plain C, for comparison with BenchmarkStep: every pair of
 * the batch is evaluated by itself, with the loss, then the gradient is clipped and Adam moves the three logits.
 *
 *   cc -O3 -march=native -o /tmp/step step.c -lm && /tmp/step ../../configs/data/interpolation_pairs.jsonl
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { K = 3, BATCH = 20, MAX = 512 };

static int chosen[MAX], rejected[MAX], n;
static double theta[K], m[K], v[K], logref[K], ref[K], p1, p2, lambda = 0.1, lr = 1e-3;

static void reset(void) {
	double init[K] = {0.5610269904136658, 0.5610269904136658, -0.1321149468421936}, sum = 0;
	for (int k = 0; k < K; k++) sum += exp(init[k]);
	for (int k = 0; k < K; k++) { theta[k] = init[k]; logref[k] = init[k] - log(sum); ref[k] = exp(logref[k]); }
	memset(m, 0, sizeof m); memset(v, 0, sizeof v);
	p1 = p2 = 1;
}

static double pair(double z, double *slope) { /* -log sigmoid(z) and its derivative, stable */
	double e = exp(-fabs(z));
	*slope = z >= 0 ? -e / (1 + e) : -1 / (1 + e);
	return (z >= 0 ? 0 : -z) + log1p(e);
}

static double step(int at, int typo) {
	int end = at + BATCH < n ? at + BATCH : n;
	double g[K] = {0}, loss = 0, w = 1.0 / (end - at), slope;
	for (int i = at; i < end; i++) {
		int c = chosen[i], r = rejected[i];
		double u = theta[c] - theta[r];
		if (typo) { loss += w * pair(u, &slope); }
		else { u -= logref[c] - logref[r]; loss += w * pair(lambda * u, &slope); slope *= lambda; }
		g[c] += w * slope; g[r] -= w * slope;
	}
	if (typo) {
		double top = fmax(theta[0], fmax(theta[1], theta[2])), sum = 0, e[K];
		for (int k = 0; k < K; k++) sum += e[k] = exp(theta[k] - top);
		double lse = top + log(sum);
		for (int k = 0; k < K; k++) { g[k] += lambda * (e[k] / sum - ref[k]); loss += lambda * ref[k] * (logref[k] - theta[k] + lse); }
	}
	double norm = sqrt(g[0] * g[0] + g[1] * g[1] + g[2] * g[2]), clip = fmin(1, 10 / (norm + 1e-6));
	p1 *= 0.9; p2 *= 0.999;
	double size = lr / (1 - p1), root = sqrt(1 - p2);
	for (int k = 0; k < K; k++) {
		g[k] *= clip;
		m[k] = 0.9 * m[k] + 0.1 * g[k];
		v[k] = 0.999 * v[k] + 0.001 * g[k] * g[k];
		theta[k] -= size * m[k] / (sqrt(v[k]) / root + 1e-8);
	}
	return loss;
}

int main(int argc, char **argv) {
	FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;
	int prompt;
	if (!f) { fprintf(stderr, "usage: step PAIRS.jsonl\n"); return 2; }
	while (n < MAX && fscanf(f, " {\"prompt\": %d, \"chosen\": %d, \"rejected\": %d}", &prompt, &chosen[n], &rejected[n]) == 3) n++;
	for (int typo = 0; typo < 2; typo++) {
		struct timespec a, b;
		double sink = 0;
		long steps = 3000000;
		reset();
		clock_gettime(CLOCK_MONOTONIC, &a);
		for (long s = 0, at = 0; s < steps; s++) { sink += step(at, typo); at += BATCH; if (at >= n) at = 0; }
		clock_gettime(CLOCK_MONOTONIC, &b);
		printf("%-5s %7.1f ns/step   (mean loss %.6f)\n", typo ? "typo" : "dpo",
			((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)) / steps, sink / steps);
	}
	return 0;
}
