package tokenizer

import "container/heap"

// merged merges adjacent tokens while two of them together are a piece: always the pair whose piece has the best score,
// the leftmost of equals. It does what trying all pairs again after every merge does, in O(n log n).
func (t *Tokenizer) merged(ids []int32) []int32 {
	m := &merger{Tokenizer: t, ids: ids, prev: make([]int, len(ids)), next: make([]int, len(ids))}
	for i := range ids {
		m.prev[i], m.next[i] = i-1, i+1
	}
	for i := range ids {
		m.offer(i)
	}
	for len(m.queue) > 0 {
		c := heap.Pop(&m.queue).(candidate)
		if right := m.right(c.left); right >= 0 && ids[c.left] == c.first && ids[right] == c.second {
			m.join(c.left, right, c.piece)
		}
	}
	merged := ids[:0]
	for _, id := range ids {
		if id >= 0 {
			merged = append(merged, id)
		}
	}
	return merged
}

// gone marks a token that has become part of the one before it.
const gone = -1

// merger is a list of tokens that is being merged.
type merger struct {
	*Tokenizer
	ids        []int32
	prev, next []int // the neighbours that are not gone
	queue      queue
}

// candidate is a pair of neighbours that may be merged, as it was when it was found.
type candidate struct {
	score         float32
	left          int
	first, second int32
	piece         int32
}

// right returns the right neighbour of a token, -1 if it has none or is gone itself.
func (m *merger) right(left int) int {
	if m.ids[left] == gone || m.next[left] == len(m.ids) {
		return -1
	}
	return m.next[left]
}

// offer makes a candidate of a token and its right neighbour if together they are a piece.
func (m *merger) offer(left int) {
	right := m.right(left)
	if right < 0 {
		return
	}
	if id, ok := m.Tokenizer.ids[m.pieces[m.ids[left]]+m.pieces[m.ids[right]]]; ok {
		heap.Push(&m.queue, candidate{m.scores[id], left, m.ids[left], m.ids[right], id})
	}
}

func (m *merger) join(left, right int, piece int32) {
	m.ids[left], m.ids[right] = piece, gone
	m.next[left] = m.next[right]
	if m.next[left] < len(m.ids) {
		m.prev[m.next[left]] = left
	}
	if m.prev[left] >= 0 {
		m.offer(m.prev[left])
	}
	m.offer(left)
}

// queue is a heap of candidates, the best score first, the leftmost of equals.
type queue []candidate

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if q[i].score != q[j].score {
		return q[i].score > q[j].score
	}
	return q[i].left < q[j].left
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push appends a candidate; container/heap calls it.
func (q *queue) Push(x any) { *q = append(*q, x.(candidate)) }

// Pop removes the last candidate; container/heap calls it.
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
