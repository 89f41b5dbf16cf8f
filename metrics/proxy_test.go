package metrics_test

import (
	"math"
	"testing"

	"windtunnel/metrics"
)

// The proxy's expected reward is that of its rewards under the policy; none without a proxy. A response that is never given
// counts nothing, whatever its reward.
func TestProxyReward(t *testing.T) {
	logs := []float64{math.Log(0.5), math.Log(0.25), math.Log(0.25)}
	v := metrics.NewView(logs, logs, logs)
	if got := metrics.ProxyReward.Value(v); !math.IsNaN(got) {
		t.Errorf("%v without a proxy", got)
	}
	v.Proxy = []float64{2, -4, 8}
	if got := metrics.ProxyReward.Value(v); got != 2 {
		t.Errorf("%v, want 2", got)
	}
	v.Set([]float64{math.Log(0.5), math.Log(0.5), math.Inf(-1)})
	v.Proxy[2] = math.Inf(1)
	if got := metrics.ProxyReward.Value(v); got != -1 {
		t.Errorf("%v, want -1", got)
	}
	if _, listed := metrics.Find("proxy_reward"); listed {
		t.Error("it is a column of every table")
	}
}
