package cache

import (
	"io/fs"
	"strings"
	"time"

	"windtunnel/experiments/cache/process"
)

// segment is what a Store knows of one segment file. The fields from size on are guarded by Store.scanning, but for
// writer and sealed, which are guarded by Store.mu.
type segment struct {
	id   uint32 // position in Store.segments
	name string
	path string
	salt uint64

	size     int64            // when it was last indexed, bytes
	scanned  int64            // how far the index goes; what follows was no whole record then
	signed   bool             // author is known
	author   process.Identity // who writes it
	modified time.Time        // when it was last indexed or looked at
	gone     bool             // the file is
	writer   *writer          // of this process, as long as it is open or has what is nowhere else
	sealed   bool             // its writer has closed it
}

// addSegment adds a segment of that name; mu is held.
func (s *Store) addSegment(name string) *segment {
	seg := &segment{id: uint32(len(s.segments)), name: name, path: s.path(name), salt: salt(name)}
	s.segments = append(s.segments, seg)
	s.byName[name] = seg
	return seg
}

// dead says whether nobody writes a segment any more, given the time by the clock of the file system. Both mutexes are
// held.
func (g *segment) dead(now time.Time) bool {
	switch {
	case g.writer != nil:
		return false
	case g.sealed:
		return true
	case !g.signed: // its writer died while it wrote the first record, or its header is damaged
		return now.Sub(g.modified) > process.Silence
	}
	return g.author.Gone(now.Sub(g.modified))
}

// list returns the segment files in the folder by name, none if there is no folder.
func (s *Store) list() (map[string]fs.FileInfo, error) {
	files, err := s.fs.ReadDir(s.dir)
	if vanished(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := make(map[string]fs.FileInfo, len(files))
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), segmentSuffix) {
			continue
		}
		info, err := file.Info()
		if vanished(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found[file.Name()] = info
	}
	return found, nil
}
