#!/bin/sh
# Times sweeps of short runs, and the same runs from a shell loop, and prints the tables of sweeps.md. It writes to a
# temporary folder only, 1 GB of it at most (TMPDIR says where). Needs Go and GNU time.
set -eu
cd "$(dirname "$0")/../.."
config=results/benchmarks/sweep.yaml
gnu=$(command -v gtime || command -v /usr/bin/time) || { echo "sweep.sh: there is no GNU time" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
go build -o "$work/experiments" ./experiments

# sweep NAME ARGUMENTS... times `experiments run` and prints a row of the table. What it makes stays for a second call.
sweep() {
	name=$1
	shift
	"$gnu" -o "$work/time" -f '%e %U %S %M' "$work/experiments" run "$config" --out "$work/out" "$@" \
		>"$work/said" 2>"$work/errors" || { cat "$work/said" "$work/errors"; exit 1; }
	runs=$(sed -n 's/^[^ ]*: .* in \([0-9.]*\) s$/\1/p' "$work/said")
	read -r wall user system kilobytes <"$work/time"
	echo "$name|$runs|$wall|$user|$system|$kilobytes" |
		awk -F'|' '{printf "| %s | %s | %s | %.2f | %.0f |\n", $1, $2, $3, $4 + $5, $6 / 1024}'
}
fresh() { rm -rf "$work/out"; sweep "$@"; }

echo "| sweep | runs, s | all, s | processor, s | peak, MB |"
echo "| --- | --- | --- | --- | --- |"
fresh "100,000 runs of 10 steps, \`--jobs 1\`" --jobs 1
fresh "the same, \`--jobs 2\`" --jobs 2
sweep "the same again, from the cache" --jobs 2
fresh "10,000 runs of 1,000 steps, \`--jobs 1\`" --jobs 1 --set train.epochs=1000 --set seeds=100
fresh "the same, \`--jobs 2\`" --jobs 2 --set train.epochs=1000 --set seeds=100
rm -rf "$work/out"

# The loop has a cache and a folder for every run, draws nothing and checks nothing: less than the sweep does.
echo
echo "| shell loop | all, s | processor, s | of 100,000, s |"
echo "| --- | --- | --- | --- |"
loops=200
cat >"$work/loop.sh" <<'LOOP'
i=1
while [ "$i" -le "$1" ]; do
	"$2/experiments" run "$3" --quiet --out "$2/loop/$i" --set objectives='[dpo]' --set sweep.lambda='[0.1]' \
		--set seeds="[$i]" --set claims='[]' --set figures='[]'
	i=$((i + 1))
done
LOOP
"$gnu" -o "$work/time" -f '%e %U %S' sh -e "$work/loop.sh" "$loops" "$work" "$config"
read -r wall user system <"$work/time"
echo "$loops|$wall|$user|$system" |
	awk -F'|' '{printf "| %d single runs | %s | %.2f | %.0f (extrapolated) |\n", $1, $2, $3 + $4, $2 * 100000 / $1}'
