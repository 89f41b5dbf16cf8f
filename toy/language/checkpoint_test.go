package language

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"windtunnel/toy/kernel"
	"windtunnel/toy/objective"
	"windtunnel/toy/train"
)

// resumable are trainings that carry something from step to step: each optimizer, a shuffled order, a running mean, a
// reference that moves, an adapter.
func resumable[T kernel.Float](t testing.TB) map[string]func() *pairLoop[T] {
	out := map[string]func() *pairLoop[T]{}
	for _, kind := range train.Optimizers() {
		out[kind.Name] = func() *pairLoop[T] {
			l := tinyLoop[T](t, (&objective.DPO{Lambda: 0.1}).Objective())
			l.Params.Optimizer, l.Params.Shuffle, l.Order = kind.New(), true, rand.New(rand.NewPCG(1, 2))
			return l
		}
	}
	out["bco"] = func() *pairLoop[T] { return tinyLoop[T](t, (&objective.BCO{Lambda: 0.1}).Objective()) }
	out["tr-dpo"] = func() *pairLoop[T] {
		return tinyLoop[T](t, (&objective.TRDPO{Lambda: 0.1, Alpha: 0.5, Every: 2}).Objective())
	}
	out["adapter"] = func() *pairLoop[T] {
		l := tinyLoop[T](t, (&objective.DPO{Lambda: 0.1}).Objective())
		l.Network = adapted(t, l.Network)
		return l
	}
	return out
}

// TestResume: ten steps are five steps, a checkpoint, and five steps of another Trainer, to the last bit of every weight and
// every record.
func TestResume(t *testing.T) {
	for name, loop := range resumable[float32](t) {
		whole := loop()
		whole.Params.MaxSteps = 10
		want := finish(t, whole.Run)
		first := loop()
		first.Params.MaxSteps = 5
		tr := start(t, first)
		finish(t, tr.Run)
		var file bytes.Buffer
		if err := tr.Save(&file); err != nil {
			t.Fatal(err)
		}
		second := loop()
		second.Params.MaxSteps, second.Workers = 10, 2
		resumed := start(t, second)
		if err := resumed.Load(bytes.NewReader(file.Bytes())); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var again bytes.Buffer
		if err := resumed.Save(&again); err != nil || !bytes.Equal(again.Bytes(), file.Bytes()) {
			t.Errorf("%s: what was loaded is saved as something else; %v", name, err)
		}
		got := finish(t, resumed.Run)
		if fmt.Sprint(got) != fmt.Sprint(want[6:]) {
			t.Errorf("%s: records\n%v, want\n%v", name, got, want[6:])
		}
		if !slices.Equal(second.Network.Trainable(), whole.Network.Trainable()) {
			t.Errorf("%s: other weights after resuming", name)
		}
	}
}

// saved returns a training after two steps and its checkpoint.
func saved(t testing.TB, loop *pairLoop[float32]) (*pairTraining[float32], []byte) {
	loop.Params.MaxSteps = 2
	tr := start(t, loop)
	finish(t, tr.Run)
	var file bytes.Buffer
	if err := tr.Save(&file); err != nil {
		t.Fatal(err)
	}
	return tr, file.Bytes()
}

func TestBrokenCheckpoints(t *testing.T) {
	loop := resumable[float32](t)["tr-dpo"]
	tr, file := saved(t, loop())
	if err := tr.Load(bytes.NewReader(file)); err == nil || !strings.Contains(err.Error(), "has taken 2") {
		t.Errorf("a training under way: %v", err)
	}
	changed := func(at int, b byte) []byte {
		out := slices.Clone(file)
		out[at] ^= b
		return out
	}
	for _, tt := range []struct {
		name, want string
		file       []byte
	}{
		{"nothing", "cut off", nil},
		{"half", "cut off", file[:len(file)/2]},
		{"all but a byte", "cut off", file[:len(file)-1]},
		{"text", "no checkpoint", []byte("name: dpo\nkind: nothing\n")},
		{"version", "version 3 of the format, allowed is 1", changed(7, 2)},
		{"another training", "another training", changed(20, 1)},
		{"step", "damaged", changed(40, 1)},
		{"count", "vectors", changed(48, 1)},
		{"length", "damaged", changed(52, 1)},
		{"a weight", "damaged", changed(100, 1)},
		{"checksum", "damaged", changed(len(file)-1, 1)},
		{"more", "followed", append(slices.Clone(file), 0)},
	} {
		l := loop()
		fresh := start(t, l)
		before := slices.Clone(l.Network.Trainable())
		err := fresh.Load(bytes.NewReader(tt.file))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
		if fresh.Step() != 0 || !slices.Equal(before, l.Network.Trainable()) {
			t.Errorf("%s: the training was changed", tt.name)
		}
	}
	for name, change := range map[string]func(l *pairLoop[float32]){
		"pairs":     func(l *pairLoop[float32]) { l.Pairs = l.Pairs[1:] },
		"batch":     func(l *pairLoop[float32]) { l.Params.BatchSize = 4 },
		"optimizer": func(l *pairLoop[float32]) { l.Params.Optimizer.(*train.Adam).LR = 1 },
		"schedule":  func(l *pairLoop[float32]) { l.Params.Schedule = &train.Linear{} },
		"start":     func(l *pairLoop[float32]) { l.Network.Trainable()[0]++ },
		"reference": func(l *pairLoop[float32]) { l.Reference.Trainable()[0]++ },
	} {
		l := loop()
		change(l)
		if err := start(t, l).Load(bytes.NewReader(file)); err == nil || !strings.Contains(err.Error(), "another training") {
			t.Errorf("other %s: %v", name, err)
		}
	}
}

// TestInterrupted: a training that its context ends goes on where it was.
func TestInterrupted(t *testing.T) {
	loop := resumable[float32](t)["bco"]
	whole, parts := loop(), loop()
	finish(t, whole.Run)
	tr := start(t, parts)
	for tr.Step() < 12 {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := tr.Run(ctx, func(r Record) error {
			if r.Step%5 == 4 {
				cancel()
			}
			return nil
		})
		if tr.Step() < 12 && err != context.Canceled {
			t.Fatal(err)
		}
		cancel()
	}
	if !slices.Equal(whole.Network.Trainable(), parts.Network.Trainable()) {
		t.Error("other weights after interruptions")
	}
}

// FuzzLoad: no bytes do harm, and what is accepted is what would be saved.
func FuzzLoad(f *testing.F) {
	_, file := saved(f, resumable[float32](f)["bco"]())
	f.Add(file)
	f.Add(file[:60])
	f.Add([]byte("wt-tune\x01"))
	f.Fuzz(func(t *testing.T, text []byte) {
		tr := start(t, resumable[float32](t)["bco"]())
		if err := tr.Load(bytes.NewReader(text)); err != nil {
			return
		}
		var again bytes.Buffer
		if err := tr.Save(&again); err != nil || !bytes.Equal(again.Bytes(), text) {
			t.Errorf("accepted, but saved as something else; %v", err)
		}
	})
}
