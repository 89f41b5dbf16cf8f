package llama

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

// written returns a model as bytes.
func written(t testing.TB, m *Model[float64]) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	pretrained, err := os.ReadFile(stories)
	if err != nil {
		t.Fatal(err)
	}
	tied := small
	tied.Tied = true
	for name, b := range map[string][]byte{
		"pretrained": pretrained, "tied": written(t, random(t, tied)), "untied": written(t, random(t, small)),
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Read(iotest.HalfReader(bytes.NewReader(b)))
			if err != nil {
				t.Fatal(err)
			}
			if got := written(t, Convert[float64](m)); !bytes.Equal(got, b) {
				t.Errorf("%d bytes differ from the %d read", len(got), len(b))
			}
		})
	}
}

// Where each part begins, worked out by hand from memory_map_weights of llama2.c's run.c.
func TestOrder(t *testing.T) {
	data := header(4, 3, 2, 2, 1, -5, 7)
	for i := range 242 {
		data, _ = binary.Append(data, binary.LittleEndian, float32(i))
	}
	m, err := Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	w := viewOf(m.Config, m.params)
	for _, part := range []struct {
		name  string
		got   []float32
		first float32
		size  int
	}{
		{"embedding", w.embed, 0, 20}, {"rms_att", w.attNorm, 20, 8}, {"wq", w.proj[targetQ], 28, 32},
		{"wk", w.proj[targetK], 60, 16}, {"wv", w.proj[targetV], 76, 16}, {"wo", w.proj[targetO], 92, 32},
		{"rms_ffn", w.ffnNorm, 124, 8}, {"w1", w.proj[targetGate], 132, 24}, {"w2", w.proj[targetDown], 156, 24},
		{"w3", w.proj[targetUp], 180, 24}, {"rms_final", w.finalNorm, 204, 4}, {"freq_cis", m.legacy, 208, 14},
		{"wcls", w.head, 222, 20}, {"second wk", w.matrix(1, targetK), 68, 8},
	} {
		if part.got[0] != part.first || len(part.got) != part.size {
			t.Errorf("%s: %d numbers from %v, want %d from %v", part.name, len(part.got), part.got[0], part.size, part.first)
		}
	}
}

func header(fields ...int32) []byte {
	b, _ := binary.Append(nil, binary.LittleEndian, fields)
	return b
}

func TestReadErrors(t *testing.T) {
	whole := written(t, random(t, small))
	broken := func(i int, v float64) []byte {
		m := random(t, small)
		m.params[i] = v
		return written(t, m)
	}
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"empty", "truncated: 0 bytes where the header needs 28", nil},
		{"header cut", "truncated: 27 bytes", whole[:27]},
		{"no weights", "truncated: 28 bytes where the header needs", whole[:28]},
		{"cut", "truncated", whole[:len(whole)-1]},
		{"trailing", "more bytes behind", append(bytes.Clone(whole), 0)},
		{"not a number", "weight 3 of", broken(3, math.NaN())},
		{"infinite", "weight 5 of 1672 is -Inf", broken(5, math.Inf(-1))},
		{"dim", "dim is 0", header(0, 1, 1, 1, 1, 1, 1)},
		{"layers", "n_layers is -1", header(2, 1, -1, 1, 1, 1, 1)},
		{"vocab", "vocab_size is 0", header(2, 1, 1, 1, 1, 0, 1)},
		{"least vocab", "vocab_size is 2147483648", header(2, 1, 1, 1, 1, -1<<31, 1)},
		{"heads", "n_heads is 3, which does not divide dim 8", header(8, 1, 1, 3, 1, 1, 1)},
		{"odd heads", "heads of size 3", header(6, 1, 1, 2, 1, 1, 1)},
		{"kv heads", "n_kv_heads is 3, which does not divide n_heads 4", header(8, 1, 1, 4, 3, 1, 1)},
		{"huge", "the header describes", header(1<<24, 1<<24, 1<<24, 1, 1, 1<<24, 1<<24)},
		{"huge but possible", "truncated: 28 bytes", header(1<<14, 1<<16, 120, 128, 8, 1<<17, 1<<17)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Read(bytes.NewReader(c.data)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	failure := errors.New("broken disk")
	for _, n := range []int{0, 20, 100, len(whole)} {
		r := iotest.DataErrReader(bytes.NewReader(whole[:n]))
		if _, err := Read(&failing{r, failure}); !errors.Is(err, failure) {
			t.Errorf("after %d bytes: error %v, want %v", n, err, failure)
		}
	}
}

// failing gives another error than io.EOF at the end.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil {
		err = f.err
	}
	return n, err
}

// What is read is written again with the same bytes; anything else is an error, soon and in little memory.
func FuzzRead(f *testing.F) {
	f.Add(written(f, random(f, small)))
	tied := small
	tied.Tied = true
	f.Add(written(f, random(f, tied)))
	f.Add(header(1<<14, 1<<16, 120, 128, 8, 1<<17, 1<<17))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		if err := m.Check(); err != nil {
			t.Errorf("a model of impossible shape: %v", err)
		}
		var b bytes.Buffer
		if err := m.Write(&b); err != nil || !bytes.Equal(b.Bytes(), data) {
			t.Errorf("%d bytes written of %d read, error %v", b.Len(), len(data), err)
		}
	})
}
