package cache

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// errPlug is the error of everything after the plug was pulled.
var errPlug = errors.New("no power")

// plug is a file system in memory that forgets, when its plug is pulled, what a disk may forget: writes since the last
// Sync of a file, in part or altogether, and names made or removed since the last SyncDir. It can be full, too.
type plug struct {
	mu     sync.Mutex
	names  map[string]*image // by path
	synced map[string]*image // what SyncDir has made durable
	dir    bool              // the one folder was made
	steps  int               // changes so far
	last   int               // after so many the plug is pulled; never if negative
	space  int               // bytes that may still be written; no limit if negative
	now    time.Time

	reading func() // called before each read, if not nil
}

// image is a file of a plug.
type image struct {
	data    []byte
	durable []byte  // as of the last Sync
	writes  []write // since
	changed time.Time
}

type write struct {
	data   []byte
	offset int
}

func newPlug() *plug {
	return &plug{names: map[string]*image{}, synced: map[string]*image{}, last: -1, space: -1, now: time.Unix(1e9, 0)}
}

// step counts a change, and refuses it if the plug was pulled; mu is held.
func (p *plug) step() error {
	if p.last >= 0 && p.steps >= p.last {
		return errPlug
	}
	p.steps++
	return nil
}

// survivor is what is on the disk when power is back.
func (p *plug) survivor(rng *rand.Rand) *plug {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := newPlug()
	q.dir, q.now = p.dir, p.now.Add(time.Hour)
	for _, path := range p.paths() {
		_, durable := p.synced[path]
		if p.names[path] == p.synced[path] || rng.IntN(2) == 0 == durable {
			img := p.names[path]
			if img == nil {
				img = p.synced[path]
			}
			data := img.remains(rng)
			q.names[path] = &image{data: data, durable: data, changed: img.changed}
			q.synced[path] = q.names[path]
		}
	}
	return q
}

// paths lists every name there is or was; mu is held.
func (p *plug) paths() []string {
	var paths []string
	for _, names := range []map[string]*image{p.names, p.synced} {
		for path := range names {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// remains is what is left of a file: each write since the last sync whole, torn, as a hole, or not at all.
func (f *image) remains(rng *rand.Rand) []byte {
	data := slices.Clone(f.durable)
	for _, w := range f.writes {
		kept := w.data
		switch rng.IntN(4) {
		case 0:
			continue
		case 1:
			kept = kept[:rng.IntN(len(kept)+1)]
		case 2:
			kept = make([]byte, len(kept))
			if w.offset < len(f.durable) {
				continue // an old block stays what it was
			}
		}
		data = patch(data, kept, w.offset)
	}
	return data
}

// patch writes b over data at offset.
func patch(data, b []byte, offset int) []byte {
	if end := offset + len(b); end > len(data) {
		data = append(data, make([]byte, end-len(data))...)
	}
	copy(data[offset:], b)
	return data
}

func (p *plug) ReadDir(dir string) ([]fs.DirEntry, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.dir {
		return nil, fs.ErrNotExist
	}
	var entries []fs.DirEntry
	for _, path := range p.paths() {
		if img := p.names[path]; img != nil {
			entries = append(entries, fs.FileInfoToDirEntry(imageInfo{filepath.Base(path), int64(len(img.data)), img.changed}))
		}
	}
	return entries, nil
}

func (p *plug) MakeDir(string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.step(); err != nil {
		return err
	}
	p.dir = true
	return nil
}

func (p *plug) Create(path string) (writeFile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.step(); err != nil {
		return nil, err
	}
	if p.names[path] != nil {
		return nil, fs.ErrExist
	}
	p.names[path] = &image{changed: p.now}
	return &plugFile{p, p.names[path], path}, nil
}

func (p *plug) Open(path string) (readFile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.names[path] == nil {
		return nil, fs.ErrNotExist
	}
	return &plugFile{p, p.names[path], path}, nil
}

func (p *plug) Remove(path string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.step(); err != nil {
		return err
	}
	if p.names[path] == nil {
		return fs.ErrNotExist
	}
	delete(p.names, path)
	return nil
}

func (p *plug) SyncDir(string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.step(); err != nil {
		return err
	}
	clear(p.synced)
	for path, img := range p.names {
		p.synced[path] = img
	}
	return nil
}

func (p *plug) Lock(string) (func() error, time.Time, error) {
	return func() error { return nil }, p.now, nil
}

// plugFile is an open file of a plug.
type plugFile struct {
	p    *plug
	f    *image
	path string
}

func (o *plugFile) ReadAt(b []byte, offset int64) (int, error) {
	if o.p.reading != nil {
		o.p.reading()
	}
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	if offset >= int64(len(o.f.data)) {
		return 0, io.EOF
	}
	n := copy(b, o.f.data[offset:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (o *plugFile) WriteAt(b []byte, offset int64) (n int, err error) {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	if err := o.p.step(); err != nil {
		return 0, err
	}
	if room := o.p.space; room >= 0 {
		if len(b) > room {
			b, err = b[:room], syscall.ENOSPC
		}
		o.p.space -= len(b)
	}
	o.f.data = patch(o.f.data, b, int(offset))
	o.f.writes = append(o.f.writes, write{slices.Clone(b), int(offset)})
	o.f.changed = o.p.now
	return len(b), err
}

func (o *plugFile) Sync() error {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	if err := o.p.step(); err != nil {
		return err
	}
	o.f.durable, o.f.writes = slices.Clone(o.f.data), nil
	return nil
}

func (o *plugFile) Close() error { return nil }

func (o *plugFile) Stat() (fs.FileInfo, error) {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	return imageInfo{filepath.Base(o.path), int64(len(o.f.data)), o.f.changed}, nil
}

// imageInfo describes a file of a plug.
type imageInfo struct {
	name    string
	size    int64
	changed time.Time
}

func (i imageInfo) Name() string       { return i.name }
func (i imageInfo) Size() int64        { return i.size }
func (i imageInfo) Mode() fs.FileMode  { return 0o666 }
func (i imageInfo) ModTime() time.Time { return i.changed }
func (i imageInfo) IsDir() bool        { return false }
func (i imageInfo) Sys() any           { return nil }
