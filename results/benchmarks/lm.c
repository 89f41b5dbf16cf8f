/* Generation by a llama2.c checkpoint in plain C: the loops of llama2.c's run.c (one matrix-vector product after the other, a
 * key/value cache, temperature 1, no nucleus), single-threaded, with random tokens drawn from the distribution.
 *
 *     cc -O3 -march=native -o lm lm.c -lm && ./lm MODEL [TOKENS]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int dim, hidden, layers, heads, kv, vocab, positions, size, kvdim;
static float *emb, *att, *wq, *wk, *wv, *wo, *ffn, *w1, *w2, *w3, *last;
static float *x, *h, *q, *a, *g, *u, *logits, *keys, *values;

static void *room(size_t n) {
	void *p = calloc(n, sizeof(float));
	if (!p) exit(1);
	return p;
}

static void rmsnorm(float *out, const float *in, const float *gain, int n) {
	float ss = 0;
	for (int i = 0; i < n; i++) ss += in[i] * in[i];
	ss = 1.0f / sqrtf(ss / n + 1e-5f);
	for (int i = 0; i < n; i++) out[i] = gain[i] * (ss * in[i]);
}

static void softmax(float *v, int n) {
	float top = v[0], sum = 0;
	for (int i = 1; i < n; i++) if (v[i] > top) top = v[i];
	for (int i = 0; i < n; i++) sum += v[i] = expf(v[i] - top);
	for (int i = 0; i < n; i++) v[i] /= sum;
}

static void matmul(float *out, const float *in, const float *w, int n, int d) {
	for (int i = 0; i < d; i++) {
		float v = 0;
		for (int j = 0; j < n; j++) v += w[i * n + j] * in[j];
		out[i] = v;
	}
}

static void rotate(float *v, int n, int pos) {
	for (int i = 0; i < n; i += 2) {
		float angle = pos / powf(10000.0f, i % size / (float)size), c = cosf(angle), s = sinf(angle), v0 = v[i], v1 = v[i + 1];
		v[i] = v0 * c - v1 * s;
		v[i + 1] = v0 * s + v1 * c;
	}
}

static void attend(int l, int pos) {
	for (int head = 0; head < heads; head++) {
		float *score = a + head * positions, *mix = h + head * size, *query = q + head * size;
		size_t at = (size_t)l * positions * kvdim + head / (heads / kv) * size;
		for (int t = 0; t <= pos; t++) {
			float sum = 0;
			for (int i = 0; i < size; i++) sum += query[i] * keys[at + (size_t)t * kvdim + i];
			score[t] = sum / sqrtf(size);
		}
		softmax(score, pos + 1);
		memset(mix, 0, size * sizeof(float));
		for (int t = 0; t <= pos; t++)
			for (int i = 0; i < size; i++) mix[i] += score[t] * values[at + (size_t)t * kvdim + i];
	}
}

static void forward(int token, int pos) {
	memcpy(x, emb + token * dim, dim * sizeof(float));
	for (int l = 0; l < layers; l++) {
		float *k = keys + ((size_t)l * positions + pos) * kvdim, *v = values + ((size_t)l * positions + pos) * kvdim;
		rmsnorm(h, x, att + l * dim, dim);
		matmul(q, h, wq + l * dim * dim, dim, dim);
		matmul(k, h, wk + l * dim * kvdim, dim, kvdim);
		matmul(v, h, wv + l * dim * kvdim, dim, kvdim);
		rotate(q, dim, pos);
		rotate(k, kvdim, pos);
		attend(l, pos);
		matmul(q, h, wo + l * dim * dim, dim, dim);
		for (int i = 0; i < dim; i++) x[i] += q[i];
		rmsnorm(h, x, ffn + l * dim, dim);
		matmul(g, h, w1 + l * dim * hidden, dim, hidden);
		matmul(u, h, w3 + l * dim * hidden, dim, hidden);
		for (int i = 0; i < hidden; i++) g[i] = g[i] / (1.0f + expf(-g[i])) * u[i];
		matmul(h, g, w2 + l * dim * hidden, hidden, dim);
		for (int i = 0; i < dim; i++) x[i] += h[i];
	}
	rmsnorm(x, x, last, dim);
	matmul(logits, x, emb, dim, vocab);
}

static int draw(void) {
	float coin = rand() / (RAND_MAX + 1.0f), sum = 0;
	softmax(logits, vocab);
	for (int i = 0; i < vocab; i++) if ((sum += logits[i]) > coin) return i;
	return vocab - 1;
}

static float *next(float **p, size_t n) {
	float *part = *p;
	*p += n;
	return part;
}

static void load(const char *path) {
	int head[7];
	FILE *file = fopen(path, "rb");
	if (!file || fread(head, sizeof head, 1, file) != 1) exit(1);
	dim = head[0], hidden = head[1], layers = head[2], heads = head[3], kv = head[4], vocab = head[5], positions = head[6];
	size = dim / heads, kvdim = kv * size;
	size_t n = (size_t)vocab * dim + (size_t)layers * (2 * dim + 2 * dim * dim + 2 * dim * kvdim + 3 * dim * hidden) + dim;
	float *p = room(n);
	if (fread(p, sizeof(float), n, file) != n) exit(1);
	fclose(file);
	emb = next(&p, vocab * dim), att = next(&p, layers * dim), wq = next(&p, layers * dim * dim);
	wk = next(&p, layers * dim * kvdim), wv = next(&p, layers * dim * kvdim), wo = next(&p, layers * dim * dim);
	ffn = next(&p, layers * dim), w1 = next(&p, layers * dim * hidden), w2 = next(&p, layers * dim * hidden);
	w3 = next(&p, layers * dim * hidden), last = next(&p, dim);
	x = room(dim), h = room(dim), q = room(dim), a = room(heads * positions), g = room(hidden), u = room(hidden), logits = room(vocab);
	keys = room((size_t)layers * positions * kvdim), values = room((size_t)layers * positions * kvdim);
}

int main(int argc, char **argv) {
	if (argc < 2) return 2;
	int tokens = argc > 2 ? atoi(argv[2]) : 256;
	load(argv[1]);
	double best = 0;
	for (int round = 0; round < 20; round++) {
		struct timespec began, ended;
		clock_gettime(CLOCK_MONOTONIC, &began);
		for (int pos = 0, token = 1; pos < tokens && pos < positions; pos++) {
			forward(token, pos);
			token = draw();
		}
		clock_gettime(CLOCK_MONOTONIC, &ended);
		double rate = tokens / (ended.tv_sec - began.tv_sec + 1e-9 * (ended.tv_nsec - began.tv_nsec));
		if (rate > best) best = rate;
	}
	printf("%.0f tokens a second\n", best);
	return 0;
}
