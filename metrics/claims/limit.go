package claims

// A claim that compares one number with one limit says so by Limit, for who asks the same of many losses: it returns the
// limit's key in the claim, "" where the claim has not one such limit, the limit, and whether it is the least that is allowed.

func (l limits) limit() (key string, value float64, least bool) {
	given := 0
	for _, end := range []struct {
		key   string
		limit *float64
		least bool
	}{{"min", l.min, true}, {"max", l.max, false}, {"above", l.above, true}, {"below", l.below, false}} {
		if end.limit != nil {
			given++
			key, value, least = end.key, *end.limit, end.least
		}
	}
	if given != 1 || key == "above" || key == "below" {
		return "", 0, false
	}
	return key, value, least
}

// Limit is the limit of the claim, see limits.limit.
func (b *Bound) Limit() (key string, limit float64, least bool) { return b.limits().limit() }

// Limit is the limit of the claim, see limits.limit.
func (d *Distance) Limit() (key string, limit float64, least bool) { return d.limits().limit() }

// Limit is the limit of the claim, see limits.limit.
func (g *Growth) Limit() (key string, limit float64, least bool) { return g.limits().limit() }

// Limit is the limit of the claim, see limits.limit.
func (b *Best) Limit() (key string, limit float64, least bool) { return b.limits().limit() }

// Limit is the limit of the claim, see limits.limit.
func (c *Crossing) Limit() (key string, limit float64, least bool) { return c.limits().limit() }

// Limit is the limit of the claim, see limits.limit.
func (d *Dominated) Limit() (key string, limit float64, least bool) { return "slack", d.Slack, false }

// Limit is the limit of the claim, see limits.limit.
func (p *Path) Limit() (key string, limit float64, least bool) { return "max", p.Max, false }

// Limit is the limit of the claim, see limits.limit.
func (g *Regret) Limit() (key string, limit float64, least bool) { return "max", g.Max, false }

// Limit is the limit of the claim, see limits.limit.
func (m *Minimizer) Limit() (key string, limit float64, least bool) { return "max", m.Max, false }

// Limit is the limit of the claim, see limits.limit.
func (m *Monotone) Limit() (key string, limit float64, least bool) { return "slack", m.Slack, false }
