package exact

// Where a loss is not convex, the search starts from several places. reach is the range of logits, in nats, that they
// span: enough for a policy near a vertex, not so much that its derivatives vanish.
const reach = 8

// starts lists where to search a composed landscape that is not convex: the start, parameters of zero, the policies of
// the class nearest to the minimizer over all policies (where there is one), and those nearest to each vertex of each
// prompt's simplex.
func (s *solver) starts(l *landscape) ([][]float64, error) {
	origin := make([]float64, l.dim)
	list := [][]float64{origin}
	if l.center != nil {
		zero := make([]float64, l.dim)
		for i, v := range l.center {
			zero[i] = -v
		}
		list = append(list, zero)
	}
	goal, err := s.goal(l)
	if err != nil {
		return nil, err
	}
	list = append(list, l.fit(goal))
	for i, t := range l.tasks {
		for k := range t.responses() {
			vertex := make([][]float64, len(l.tasks))
			vertex[i] = make([]float64, t.responses())
			vertex[i][k] = reach
			list = append(list, l.fit(vertex))
		}
	}
	return list, nil
}

// goal returns each prompt's minimizer over all policies, confined to reach below its largest entry, or nil where there
// is none.
func (s *solver) goal(l *landscape) ([][]float64, error) {
	goal := make([][]float64, len(l.tasks))
	if len(s.terms.margins) > 0 && s.terms.only == nil {
		return goal, nil
	}
	for i, t := range l.tasks {
		if t.total == 0 || s.terms.barrier > 0 {
			continue
		}
		r, err := s.tabular(t)
		if err != nil {
			return nil, err
		}
		if r.logps[0] == nil {
			continue
		}
		goal[i] = append([]float64(nil), r.logps[0]...)
		for k, v := range goal[i] {
			goal[i][k] = max(v, -reach)
		}
	}
	return goal, nil
}
