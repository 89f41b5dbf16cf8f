package cache

import "hash/maphash"

// entry says where the payload of a key is. A million of them must fit in memory beside the work, so it is 56 bytes;
// with the table of the index an entry takes 62 to 67.
type entry struct {
	key     Key
	written int64  // ns since 1970
	offset  int64  // of the record, in its segment; dropped if the entry is no more
	segment uint32 // position in Store.segments
	length  uint32 // of the payload, bytes
}

// dropped is the offset of an entry that is no more. Its place is kept for its key.
const dropped = -1

func (e *entry) size() int64 { return recordSize + int64(e.length) }

// chunkLength is how many entries are allocated at once: growing by chunks never copies, nor holds twice the memory.
const chunkLength = 4096

// index finds entries by key: a hash table of positions, with open addressing and linear probing. A map from Key would
// take up to twice the memory.
type index struct {
	seed   maphash.Seed
	chunks [][]entry
	used   int      // entries, with dropped ones
	live   int      // entries, without
	table  []uint32 // position of an entry + 1, 0 where free; a power of two long, at most 3/4 full
}

func newIndex() *index { return &index{seed: maphash.MakeSeed(), table: make([]uint32, 1024)} }

// at returns the entry at a position from 0 to used-1.
func (x *index) at(position int) *entry { return &x.chunks[position/chunkLength][position%chunkLength] }

// slot returns where in the table a key is, or would go.
func (x *index) slot(k *Key) int {
	last := len(x.table) - 1
	for i := int(maphash.Bytes(x.seed, k[:])) & last; ; i = (i + 1) & last {
		if p := x.table[i]; p == 0 || x.at(int(p-1)).key == *k {
			return i
		}
	}
}

// get returns the entry of a key, nil if there is none. It is valid until the next put.
func (x *index) get(k *Key) *entry {
	p := x.table[x.slot(k)]
	if p == 0 {
		return nil
	}
	if e := x.at(int(p - 1)); e.offset != dropped {
		return e
	}
	return nil
}

// put sets the entry of its key.
func (x *index) put(e entry) {
	i := x.slot(&e.key)
	if p := x.table[i]; p != 0 {
		old := x.at(int(p - 1))
		if old.offset == dropped {
			x.live++
		}
		*old = e
		return
	}
	if x.used%chunkLength == 0 {
		x.chunks = append(x.chunks, make([]entry, 0, chunkLength))
	}
	last := &x.chunks[len(x.chunks)-1]
	*last = append(*last, e)
	x.used++
	x.live++
	x.table[i] = uint32(x.used)
	if x.used*4 > len(x.table)*3 {
		x.grow()
	}
}

// grow doubles the table.
func (x *index) grow() {
	x.table = make([]uint32, 2*len(x.table))
	for p := range x.used {
		x.table[x.slot(&x.at(p).key)] = uint32(p + 1)
	}
}

// drop removes an entry that get returned.
func (x *index) drop(e *entry) {
	if e.offset != dropped {
		e.offset = dropped
		x.live--
	}
}
