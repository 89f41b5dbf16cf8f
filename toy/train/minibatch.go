package train

import (
	"slices"

	"gonum.org/v1/gonum/floats"

	"windtunnel/toy/objective"
	"windtunnel/toy/policy"
	"windtunnel/toy/preference"
)

// Minibatch is a batch of comparisons resolved to the distinct responses and the distinct comparisons in it: repeated
// comparisons carry a weight, since twenty comparisons of three responses hold at most six different ones. This
// changes sums by rounding only.
type Minibatch struct {
	objective.Batch                // what an objective reads; Problem fills in what the policy says
	items            []policy.Item // distinct responses, grouped by prompt
	itemStart        []int         // items of Prompts[i] are items[itemStart[i]:itemStart[i+1]]
	of               []int         // the prompt of each distinct comparison
	chosen, rejected []int32       // positions in items, one a distinct comparison; len(items) for an absent side
	drawn            []int32       // positions in items of the responses drawn from the reference, one a draw
	reference        int           // the version of the reference that the columns hold
	support          []int         // parameters that the gradient can touch, for sparse policies
}

// response returns the response at a position in items, 0 for an absent one.
func (m *Minibatch) response(position int32) int {
	if int(position) == len(m.items) {
		return 0
	}
	return m.items[position].Response
}

// Pairs returns the number of distinct comparisons.
func (m *Minibatch) Pairs() int { return len(m.chosen) }

// batcher resolves batches. Its tables are sized by the environment once, so resolving allocates nothing after the
// largest batch has been seen.
type batcher struct {
	data      *preference.Pairs
	problem   *Problem
	responses int
	position  []int32 // by prompt*K + response: the item's position + 1 in the current batch, 0 if absent
	seen      map[pairKey]int32
	sorted    []int // indices of the batch's comparisons, by prompt

	// Of an objective that reads whole policies: the prompts of no comparison that every batch has, and what the terms weigh on each
	// and on all others together.
	unlabelled     []int
	each, labelled float64
}

type pairKey struct{ prompt, chosen, rejected, chosenTokens, rejectedTokens int }

func newBatcher(data *preference.Pairs, problem *Problem) *batcher {
	k := problem.Policy.Responses()
	if data.ChosenTokens != nil && problem.Objective.PerToken() {
		problem.difference = false // with unequal counts a normalizer does not cancel
		problem.scored = problem.scoresAreLogps()
	}
	if problem.Objective.Sampled != nil && problem.drawn == nil {
		panic("train: an objective with sampled reference responses needs DrawReference")
	}
	b := &batcher{data: data, problem: problem, responses: k, position: make([]int32, problem.Policy.Prompts()*k), seen: map[pairKey]int32{}}
	if problem.Objective.WholePolicy() || problem.Objective.Sampled != nil {
		b.unlabelled, b.each, b.labelled = problem.env.Shares()
	}
	return b
}

// resolve fills m with the comparisons of the given indices.
func (b *batcher) resolve(indices []int, m *Minibatch) {
	m.reset()
	clear(b.seen)
	b.sorted = append(b.sorted[:0], indices...)
	slices.SortStableFunc(b.sorted, func(i, j int) int { return b.data.Prompt[i] - b.data.Prompt[j] })
	total := 0.0
	for _, i := range b.sorted {
		total += b.data.WeightOf(i)
	}
	for _, i := range b.sorted {
		b.add(m, i, b.data.WeightOf(i)/total)
	}
	b.addDrawn(m)
	if len(b.unlabelled) > 0 {
		b.addUnlabelled(m)
	}
	if b.problem.itemized {
		for _, i := range indices {
			m.Order, m.OrderWeight = append(m.Order, int(b.seen[b.key(i)])), append(m.OrderWeight, b.data.WeightOf(i)/total)
		}
	}
	m.itemStart = append(m.itemStart, len(m.items))
	if b.data.Unpaired() {
		m.single()
	}
	m.Dists, m.reference = b.problem.reference, b.problem.version
	m.Chosen, m.Rejected, m.Drawn = sized(m.Chosen, len(m.chosen)), sized(m.Rejected, len(m.chosen)), sized(m.Drawn, len(m.drawn))
	for _, item := range m.items {
		b.position[item.Prompt*b.responses+item.Response] = 0
	}
	if sparse, ok := b.problem.Policy.(policy.Sparse); ok {
		m.support = sparse.Support(m.items, m.support[:0])
	}
}

func (b *batcher) key(i int) pairKey {
	key := pairKey{prompt: b.data.Prompt[i], chosen: b.data.Chosen[i], rejected: b.data.Rejected[i]}
	if b.data.ChosenTokens != nil {
		key.chosenTokens, key.rejectedTokens = b.data.ChosenTokens[i], b.data.RejectedTokens[i]
	}
	return key
}

func (b *batcher) add(m *Minibatch, i int, weight float64) {
	key := b.key(i)
	if n := len(m.Prompts); n == 0 || m.Prompts[n-1] != key.prompt {
		b.addDrawn(m)
		m.Prompts = append(m.Prompts, key.prompt)
		m.PromptWeight = append(m.PromptWeight, 0)
		m.itemStart = append(m.itemStart, len(m.items))
	}
	m.PromptWeight[len(m.Prompts)-1] += weight
	if at, ok := b.seen[key]; ok {
		m.Weight[at] += weight
		return
	}
	if b.problem.itemized {
		m.On = append(m.On, key.prompt)
	}
	b.seen[key] = int32(len(m.chosen))
	m.of = append(m.of, key.prompt)
	m.chosen = append(m.chosen, b.item(m, key.prompt, key.chosen))
	m.rejected = append(m.rejected, b.item(m, key.prompt, key.rejected))
	ref := &b.problem.reference[key.prompt]
	m.RefChosen = append(m.RefChosen, at(ref.LogRef, key.chosen))
	m.RefRejected = append(m.RefRejected, at(ref.LogRef, key.rejected))
	m.Gap = append(m.Gap, b.problem.gap(key.prompt, key.chosen, key.rejected))
	if b.problem.rewarded {
		m.ChosenReward = append(m.ChosenReward, at(ref.LogStar, key.chosen))
		m.RejectedReward = append(m.RejectedReward, at(ref.LogStar, key.rejected))
	}
	m.Dispersion = append(m.Dispersion, b.problem.dispersion[key.prompt])
	if b.data.ChosenTokens != nil {
		m.ChosenTokens = append(m.ChosenTokens, float64(key.chosenTokens))
		m.RejectedTokens = append(m.RejectedTokens, float64(key.rejectedTokens))
	}
	m.Weight = append(m.Weight, weight)
}

// addUnlabelled puts the prompts of no comparison among m's.
func (b *batcher) addUnlabelled(m *Minibatch) {
	floats.Scale(b.labelled, m.PromptWeight)
	floats.Scale(b.labelled, m.DrawnWeight)
	for _, prompt := range b.unlabelled {
		m.Prompts, m.PromptWeight = append(m.Prompts, prompt), append(m.PromptWeight, b.each)
		m.itemStart = append(m.itemStart, len(m.items))
		b.addDrawn(m)
	}
}

// addDrawn puts the responses drawn for the last of m's prompts among its items, before those of another prompt.
func (b *batcher) addDrawn(m *Minibatch) {
	last := len(m.Prompts) - 1
	if b.problem.Objective.Sampled == nil || last < 0 {
		return
	}
	drawn := b.problem.drawn[m.Prompts[last]]
	for _, response := range drawn {
		m.drawn = append(m.drawn, b.item(m, m.Prompts[last], response))
		m.DrawnWeight = append(m.DrawnWeight, m.PromptWeight[last]/float64(len(drawn)))
	}
}

// at returns an entry of a row, 0 for the absent one.
func at(row []float64, index int) float64 {
	if index == preference.Absent {
		return 0
	}
	return row[index]
}

// single turns comparisons of which one side is absent into sides that carry the weight of both.
func (m *Minibatch) single() {
	for i, w := range m.Weight {
		chosen, rejected := 2*w, 0.0
		if m.chosen[i] < 0 {
			chosen, rejected = rejected, chosen
			m.chosen[i] = int32(len(m.items))
		} else {
			m.rejected[i] = int32(len(m.items))
		}
		m.ChosenWeight, m.RejectedWeight = append(m.ChosenWeight, chosen), append(m.RejectedWeight, rejected)
	}
}

// item returns the position of a response among the minibatch's items, adding it if it is new, or -1 for an absent one.
func (b *batcher) item(m *Minibatch, prompt, response int) int32 {
	if response == preference.Absent {
		return -1
	}
	at := &b.position[prompt*b.responses+response]
	if *at == 0 {
		m.items = append(m.items, policy.Item{Prompt: prompt, Response: response})
		*at = int32(len(m.items))
	}
	return *at - 1
}

func (m *Minibatch) reset() {
	for _, column := range []*[]float64{&m.RefChosen, &m.RefRejected, &m.Weight, &m.Gap, &m.ChosenReward, &m.RejectedReward, &m.Dispersion, &m.ChosenTokens,
		&m.RejectedTokens, &m.ChosenWeight, &m.RejectedWeight, &m.PromptWeight, &m.DrawnWeight, &m.OrderWeight} {
		*column = (*column)[:0]
	}
	m.items, m.itemStart, m.chosen, m.rejected = m.items[:0], m.itemStart[:0], m.chosen[:0], m.rejected[:0]
	m.Order, m.On, m.of = m.Order[:0], m.On[:0], m.of[:0]
	m.Prompts, m.drawn, m.support = m.Prompts[:0], m.drawn[:0], m.support[:0]
}

// Full returns one minibatch of all comparisons.
func Full(data *preference.Pairs, problem *Problem) *Minibatch {
	m := &Minibatch{}
	newBatcher(data, problem).resolve(upTo(data.Len()), m)
	return m
}

// sized returns a column cut or grown to n entries, whatever they are.
func sized(column []float64, n int) []float64 { return slices.Grow(column[:0], n)[:n] }

func zeros(column []float64, n int) []float64 {
	column = sized(column, n)
	clear(column)
	return column
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
