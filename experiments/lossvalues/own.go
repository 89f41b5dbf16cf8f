package lossvalues

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"windtunnel/experiments/bridge"
	"windtunnel/experiments/kinds"
	"windtunnel/experiments/spec"
	"windtunnel/experiments/spec/decode"
	"windtunnel/toy/objective"
	"windtunnel/toy/objective/trl"
)

// ownLine is a pair that a user has computed with a loss of a config.
type ownLine struct {
	Loss string       `json:"loss"` // label; not needed where there is one
	Beta *float64     `json:"beta"` // in place of the config's
	In   []trl.Number `json:"in"`
	Out  []trl.Number `json:"out"`
	Len  []float64    `json:"len"` // token counts
}

// CheckOwn is Check for the losses of a config, custom ones and those of other processes among them.
func CheckOwn(ctx context.Context, in io.Reader, losses []spec.Objective) ([]*Comparison, error) {
	labels := make([]string, len(losses))
	for i := range losses {
		labels[i] = losses[i].Label(kinds.Tables())
	}
	return compare(in, func(text []byte) (*trl.Row, [3]float64, error) {
		var line ownLine
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&line); err != nil {
			return nil, [3]float64{}, fmt.Errorf("%w; want an object with in, out and, where needed, loss, beta and len", err)
		}
		if len(line.In) != 4 || line.Out != nil && len(line.Out) != 3 || line.Len != nil && len(line.Len) != 2 {
			return nil, [3]float64{}, fmt.Errorf("in has %d numbers, out %d, len %d; want 4, 3, and 2 or none", len(line.In), len(line.Out), len(line.Len))
		}
		loss, err := chosen(losses, labels, line.Loss)
		if err != nil {
			return nil, [3]float64{}, err
		}
		if line.Beta != nil {
			if _, low, high, has := objective.Lambda(loss); !has || !(*line.Beta >= low && *line.Beta <= high) {
				return nil, [3]float64{}, fmt.Errorf("beta: is %v; want a number in the loss's range, for a loss that has one", *line.Beta)
			}
			loss = objective.WithLambda(loss, *line.Beta)
		}
		if line.Loss == "" {
			line.Loss = labels[0]
		}
		row, values := &trl.Row{Trainer: line.Loss, In: line.In, Out: line.Out, Extra: trl.Extra{Len: line.Len}}, [3]float64{}
		broken := bridge.With(ctx, loss, func(connected objective.Params) {
			if o := connected.Objective(); o.WholePolicy() || !o.Compares() {
				err = fmt.Errorf("%s reads the probabilities of all responses; want a loss of pairs", line.Loss)
			} else {
				values = row.Evaluate(o)
			}
		})
		if broken != nil {
			err = broken
		}
		return row, values, err
	})
}

// chosen returns the loss of a label, which may be left out where there is one loss.
func chosen(losses []spec.Objective, labels []string, label string) (objective.Params, error) {
	for i := range losses {
		if labels[i] == label || label == "" && len(losses) == 1 {
			return losses[i].Loss, nil
		}
	}
	err := fmt.Errorf("loss: there is no %q; want one of %s", label, strings.Join(labels, ", "))
	if near := decode.Nearest(label, labels); near != "" {
		err = fmt.Errorf("%w; did you mean %q?", err, near)
	}
	return nil, err
}
