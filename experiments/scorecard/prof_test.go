package scorecard

import (
	"context"
	"testing"
	"os"
	"runtime/pprof"
	"strings"

	"windtunnel/experiments/spec"
)

func TestProf(t *testing.T) {
	tests, err := Load()
	if err != nil { t.Fatal(err) }
	s := spec.DefaultScorecard()
	s.Environments = 6
	if v := os.Getenv("TESTS"); v != "" { s.Tests = strings.Split(v, ",") }
	chosen, _, _ := Select(tests, s)
	var objs []spec.Objective
	for _, o := range spec.DefaultObjectives() {
		n := o.Label(spec.Tables())
		if v := os.Getenv("LOSSES"); v == "" || strings.Contains(","+v+",", ","+n+",") { objs = append(objs, o) }
	}
	f, _ := os.Create("/tmp/cpu.prof")
	pprof.StartCPUProfile(f)
	card, err := Run(context.Background(), objs, chosen, s, 2)
	pprof.StopCPUProfile()
	if err != nil { t.Fatal(err) }
	for i := range card.Cells { for j := range card.Cells[i] { c := &card.Cells[i][j]; t.Log(c.Loss, c.Test.Name, c.Verdict, c.Value, c.Measured, c.Of, c.Status, c.Detail) } }
}
