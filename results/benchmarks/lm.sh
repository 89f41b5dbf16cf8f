#!/bin/sh
# Times DPO steps on human pairs and generation, in this project, in PyTorch (lm.py) and in plain C (lm.c), and prints the
# tables of lm.md. WINDTUNNEL_HH is the path of hh_harmless-base_test.jsonl.gz; PYTHON a Python with PyTorch, by default
# Debian's. Needs Go, a C compiler and GNU time. It writes to a temporary folder only.
set -eu
cd "$(dirname "$0")/../.."
: "${WINDTUNNEL_HH:?names the file of human pairs}"
export WINDTUNNEL_HH
python=${PYTHON:-/usr/bin/python3}
model=configs/data/stories260K.bin tokenizer=configs/data/tok512.bin
gnu=$(command -v gtime || command -v /usr/bin/time) || { echo "lm.sh: there is no GNU time" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
go test -c -o "$work/tune" ./toy/language
go test -c -o "$work/llama" ./toy/llama
cc -O3 -o "$work/plain" results/benchmarks/lm.c -lm
cc -Ofast -march=native -o "$work/fast" results/benchmarks/lm.c -lm

# row NAME COMMAND... runs a command and prints a row of what it said and its peak memory.
row() {
	name=$1
	shift
	"$gnu" -o "$work/time" -f %M "$@" >"$work/said"
	said=$(sed -n 's/^Benchmark[^ ]* *\t *[0-9]*\t *\([0-9.]*\) ns\/op\t *\([0-9.]*\) tokens\/s.*/\1 \2/p' "$work/said" |
		awk '{printf "%.1f ms a step, %.0f tokens a second", $1 / 1e6, $2}')
	[ -n "$said" ] || said=$(cat "$work/said")
	echo "| $name | $said | $(($(cat "$work/time") / 1024)) |"
}
step() { row "$1" sh -c "cd toy/language && exec $work/tune -test.run '^\$' -test.bench 'Step/workers=$2' -test.benchtime 5s"; }

echo "| a step of DPO | | peak, MB |"
echo "| --- | --- | --- |"
step "this project, one core" 1
step "this project, two cores" 2
row "PyTorch, one thread" "$python" results/benchmarks/lm.py train "$model" "$tokenizer" "$WINDTUNNEL_HH"
row "PyTorch, two threads" "$python" results/benchmarks/lm.py train "$model" "$tokenizer" "$WINDTUNNEL_HH" --threads 2
echo
echo "| generation at temperature 1, one core | tokens a second |"
echo "| --- | --- |"
rate() { echo "| $1 | $(sed -n 's/.* \([0-9.]*\) tokens\/s.*/\1/p; s/^\([0-9]*\) tokens a second/\1/p' | tail -1) |"; }
(cd toy/llama && GOMAXPROCS=1 "$work/llama" -test.run '^$' -test.bench Generate/sampled -test.benchtime 5s) | rate "this project, top-p 0.9"
"$python" results/benchmarks/lm.py generate "$model" | rate "PyTorch"
"$work/plain" "$model" | rate "plain C, -O3"
"$work/fast" "$model" | rate "plain C, -Ofast -march=native"
