"""DPO steps and generation of a Llama on the CPU in PyTorch, as lm.sh times them beside this project.

    lm.py train MODEL TOKENIZER PAIRS.jsonl.gz [--threads N] [--objective dpo|ipo|typo] [--steps N] [--double] [--trace]
    lm.py generate MODEL [--threads N] [--tokens N]

Written to be fast: one padded batch of 16 sequences a step, projection onto the vocabulary where a response token is
predicted only, reference log-probabilities from a cache (computed before the clock starts), one optimizer step over one
flat parameter, a key/value cache in generation. A step's time is the median of all steps but the first three. Tokens are
counted without padding, a prompt once for each of its two responses. --trace prints each step's measures as JSON lines.
"""

import argparse
import gzip
import json
import statistics
import struct
import time

import numpy
import torch
import torch.nn.functional as F


class Llama:
    """A llama2.c checkpoint (version 0). All weights are views of one flat parameter."""

    def __init__(self, path, dtype):
        with open(path, "rb") as file:
            dim, hidden, layers, heads, kv, vocab, self.positions = struct.unpack("7i", file.read(28))
            flat = torch.from_numpy(numpy.frombuffer(file.read(), dtype="<f4").copy()).to(dtype)
        assert vocab > 0, "a tied classifier"
        size = dim // heads
        shapes = [(vocab, dim), (layers, dim), (layers, dim, dim), (layers, kv * size, dim), (layers, kv * size, dim),
                  (layers, dim, dim), (layers, dim), (layers, hidden, dim), (layers, dim, hidden), (layers, hidden, dim), (dim,)]
        self.sizes = [int(numpy.prod(s)) for s in shapes]
        self.shapes, self.layers, self.heads, self.kv, self.size = shapes, layers, heads, kv, size
        self.flat = flat[: sum(self.sizes)].clone().requires_grad_()
        angle = torch.arange(self.positions, dtype=torch.float64)[:, None] * 10000.0 ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
        self.cos, self.sin = angle.cos().to(dtype), angle.sin().to(dtype)

    def weights(self):
        return [part.view(shape) for part, shape in zip(self.flat.split(self.sizes), self.shapes)]

    def rotate(self, x, start):
        cos, sin = self.cos[start : start + x.shape[1], None], self.sin[start : start + x.shape[1], None]
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)

    def states(self, tokens, cache=None, start=0):
        """Final normed states, batch x length x dim. cache is a list of [keys, values] by layer, filled from start on."""
        emb, att, wq, wk, wv, wo, ffn, w1, w2, w3, last = self.weights()
        batch, length = tokens.shape
        x = F.embedding(tokens, emb)
        mask = torch.full((length, length), -torch.inf, dtype=x.dtype).triu(1) if length > 1 else None
        for l in range(self.layers):
            h = norm(x, att[l])
            q = self.rotate(F.linear(h, wq[l]).view(batch, length, self.heads, self.size), start)
            k = self.rotate(F.linear(h, wk[l]).view(batch, length, self.kv, self.size), start)
            v = F.linear(h, wv[l]).view(batch, length, self.kv, self.size)
            if cache is not None:
                cache[l][0][:, start : start + length], cache[l][1][:, start : start + length] = k, v
                k, v = cache[l][0][:, : start + length], cache[l][1][:, : start + length]
            # Query heads that share a key/value head are further rows of it.
            group = self.heads // self.kv
            q = q.view(batch, length, self.kv, group, self.size).permute(0, 2, 3, 1, 4).reshape(batch * self.kv, group * length, self.size)
            k = k.transpose(1, 2).reshape(batch * self.kv, -1, self.size)
            v = v.transpose(1, 2).reshape(batch * self.kv, -1, self.size)
            scores = torch.bmm(q, k.transpose(1, 2)) * self.size**-0.5
            if mask is not None:
                scores = (scores.view(-1, group, length, length) + mask).view(-1, group * length, length)
            mix = torch.bmm(scores.softmax(-1), v).view(batch, self.kv, group, length, self.size)
            x = x + F.linear(mix.permute(0, 3, 1, 2, 4).reshape(batch, length, -1), wo[l])
            h = norm(x, ffn[l])
            x = x + F.linear(F.silu(F.linear(h, w1[l])) * F.linear(h, w3[l]), w2[l])
        return norm(x, last), emb

    def logps(self, batch):
        """Summed log-probabilities of a batch's responses."""
        states, emb = self.states(batch.tokens)
        logits = F.linear(states.reshape(-1, states.shape[-1])[batch.predictors], emb)
        token = logits.gather(1, batch.targets[:, None]).squeeze(1) - logits.logsumexp(-1)
        return torch.zeros(len(batch.tokens), dtype=token.dtype).index_add(0, batch.owner, token)


def norm(x, gain):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * gain


class Batch:
    """Pairs as one padded matrix: the chosen sequences, then the rejected."""

    def __init__(self, pairs):
        rows = [(p, c) for p, c, _ in pairs] + [(p, r) for p, _, r in pairs]
        length = max(len(p) + len(y) for p, y in rows)
        self.tokens = torch.zeros(len(rows), length, dtype=torch.long)
        predictors, targets, owner = [], [], []
        for i, (p, y) in enumerate(rows):
            self.tokens[i, : len(p) + len(y)] = torch.tensor(p + y)
            predictors += range(i * length + len(p) - 1, i * length + len(p) + len(y) - 1)
            targets += y
            owner += [i] * len(y)
        self.predictors, self.targets, self.owner = torch.tensor(predictors), torch.tensor(targets), torch.tensor(owner)
        self.real = sum(len(p) + len(y) for p, y in rows)


class Tokenizer:
    """llama2.c's byte-pair encoding."""

    def __init__(self, path, vocab=512):
        self.pieces, self.scores = [], []
        with open(path, "rb") as file:
            file.read(4)
            for _ in range(vocab):
                score, length = struct.unpack("fi", file.read(8))
                self.pieces.append(file.read(length))
                self.scores.append(score)
        self.ids = {piece: i for i, piece in reversed(list(enumerate(self.pieces)))}

    def encode(self, text, prefix):
        ids = [self.ids[b" "]] if prefix else []
        for char in text:
            code = char.encode()
            ids += [self.ids[code]] if code in self.ids else [b + 3 for b in code]
        while True:
            best = None
            for i in range(len(ids) - 1):
                j = self.ids.get(self.pieces[ids[i]] + self.pieces[ids[i + 1]])
                if j is not None and (best is None or self.scores[j] > best[0]):
                    best = self.scores[j], i, j
            if best is None:
                return ids
            ids[best[1] : best[1] + 2] = [best[2]]


def read_pairs(path, tokenizer, count, limit=256):
    pairs, turn = [], "\n\nAssistant:"
    for line in gzip.open(path, "rt", encoding="utf-8"):
        chosen, rejected = (json.loads(line)[key] for key in ("chosen", "rejected"))
        same = next((i for i, (a, b) in enumerate(zip(chosen, rejected)) if a != b), min(len(chosen), len(rejected)))
        cut = chosen[:same].rfind(turn) + len(turn)
        p = [1] + tokenizer.encode(chosen[:cut], True)
        c, r = tokenizer.encode(chosen[cut:], False), tokenizer.encode(rejected[cut:], False)
        if len(p) + max(len(c), len(r)) <= limit:
            pairs.append((p, c, r))
        if len(pairs) == count:
            break
    return pairs


def loss_of(objective, c, r, rc, rr):
    u = (c - rc) - (r - rr)
    if objective == "dpo":
        return F.softplus(-0.1 * u).mean()
    if objective == "ipo":
        return ((u - 1 / 0.2) ** 2).mean()
    return (F.softplus(-(c - r)) - 0.1 * (c + r) / 2).mean()


def train(args):
    model = Llama(args.model, torch.float64 if args.double else torch.float32)
    pairs = read_pairs(args.pairs, Tokenizer(args.tokenizer), 8 * args.steps)
    batches = [Batch(pairs[i : i + 8]) for i in range(0, len(pairs), 8)]
    with torch.no_grad():
        reference = [model.logps(b).chunk(2) for b in batches]
    optimizer, times = torch.optim.Adam([model.flat], lr=1e-4), []
    for batch, (rc, rr) in zip(batches, reference):
        began = time.perf_counter()
        optimizer.zero_grad()
        c, r = model.logps(batch).chunk(2)
        loss = loss_of(args.objective, c, r, rc, rr)
        loss.backward()
        size = torch.nn.utils.clip_grad_norm_([model.flat], 1.0)
        optimizer.step()
        times.append((time.perf_counter() - began, batch.real))
        if args.trace:
            print(json.dumps(dict(step=len(times), loss=loss.item(), chosen_logp=c.mean().item(), rejected_logp=r.mean().item(), grad_norm=size.item())))
    if not args.trace:
        report(times[3:])


def report(times):
    seconds, tokens = sum(t for t, _ in times), sum(n for _, n in times)
    print(f"{1000 * statistics.median(t for t, _ in times):.1f} ms a step (median), {tokens / seconds:.0f} tokens a second")


@torch.no_grad()
def generate(args):
    model, rates = Llama(args.model, torch.float32), []
    for _ in range(5):
        cache = [[torch.zeros(1, model.positions, model.kv, model.size) for _ in range(2)] for _ in range(model.layers)]
        token, began = torch.tensor([[1]]), time.perf_counter()
        for at in range(args.tokens):
            states, emb = model.states(token, cache, at)
            token = torch.multinomial(F.linear(states[0, -1], emb).softmax(-1), 1)[None]
        rates.append(args.tokens / (time.perf_counter() - began))
    print(f"{statistics.median(rates):.0f} tokens a second")


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("train")
    command.add_argument("model")
    command.add_argument("tokenizer")
    command.add_argument("pairs")
    command.add_argument("--objective", choices=["dpo", "ipo", "typo"], default="dpo")
    command.add_argument("--steps", type=int, default=30)
    command.add_argument("--double", action="store_true")
    command.add_argument("--trace", action="store_true")
    command.set_defaults(run=train)
    other = commands.add_parser("generate")
    other.add_argument("model")
    other.add_argument("--tokens", type=int, default=256)
    other.set_defaults(run=generate)
    for c in (command, other):
        c.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.run(args)


main()
