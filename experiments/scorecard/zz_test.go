package scorecard

import (
	"context"
	"fmt"
	"math"
	"testing"

	"windtunnel/toy/objective"
)

func TestZZDisco(t *testing.T) {
	envs := environments(100, 0)
	worst := map[string]float64{}
	where := map[string]string{}
	note := func(k string, v float64, w string) {
		if old, ok := worst[k]; !ok || v > old {
			worst[k], where[k] = v, w
		}
	}
	kind, _ := objective.Kinds().Find("discopop")
	_ = kind
	for _, e := range envs {
		for _, lambda := range []float64{1e-6, 1e-3, 1, 1e6} {
			tk := e.task()
			tk.loss = &objective.DiscoPOP{Lambda: lambda, Tau: 0.05, Divergence: objective.Divergence{Divergence: "reverse_kl"}}
			o := tk.exact(context.Background())
			if o.err != nil || !o.whole() {
				fmt.Println(e.Name, lambda, o.status, o.reason, o.err)
				continue
			}
			for p := range o.env.Prompts {
				w := fmt.Sprintf("%s/%d", e.Name, p)
				switch lambda {
				case 1e-6:
					note("weak", o.metric("tv_mode", p), w)
					note("strong", o.metric("tv_star", p), w)
				case 1e6:
					note("ref", o.metric("tv_ref", p), w)
				case 1e-3, 1:
					note(fmt.Sprint("kl ", lambda), o.metric("kl_ref_pi", p), w)
				}
			}
			if e.Name == "interpolation" && lambda == 1 {
				fmt.Println(o.status, o.reason, o.reached, probabilities(o.logPi[0]))
			}
		}
	}
	for k, v := range worst {
		fmt.Println(k, v, where[k])
	}
	_ = math.Inf
}
