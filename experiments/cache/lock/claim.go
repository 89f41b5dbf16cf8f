package lock

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxFile is more than a lock file holds, in bytes.
const maxFile = 4096

// Ends of the names of the files beside a lock.
const (
	claimSuffix     = ".claim" // PATH.TOKEN.claim: a lock file in the making
	successorSuffix = ".next"  // PATH.TOKEN.next: the right to replace or remove the lock with that token
)

// claim is a complete lock file under a name of its own, ready to be linked into place.
type claim struct {
	holder
	path    string // of the lock
	file    string // of the claim
	content []byte
	time    time.Time // now, by the clock of the file system
}

// newClaim writes a claim durably, so that no half-written lock file is ever seen.
func newClaim(path string, me holder) (*claim, error) {
	content, err := json.Marshal(me)
	if err != nil {
		return nil, err
	}
	c := &claim{holder: me, path: path, file: path + "." + me.Token + claimSuffix, content: append(content, '\n')}
	if err := writeNew(c.file, c.content); err != nil {
		return nil, err
	}
	info, err := os.Stat(c.file)
	if err != nil {
		return nil, err
	}
	c.time = info.ModTime()
	return c, nil
}

// writeNew creates a file with that content, durably, or none. The error is fs.ErrExist if there is one already.
func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(path)
	}
	return err
}

// successor names the file whose holder may replace or remove the lock with that token.
func successor(path, token string) string { return path + "." + token + successorSuffix }

// link is os.Link, but for tests of file systems without links.
var link = os.Link

// take puts the claim at target if nothing is there, and says whether it did.
func (c *claim) take(target string) (bool, error) {
	err := link(c.file, target)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		err = writeNew(target, c.content)
	}
	if err == nil {
		return true, nil
	}
	// A file server's answer may get lost and the repeated request fail, though the first one did it.
	if now, _, readErr := read(target); readErr == nil && now.Token == c.Token {
		return true, nil
	}
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return false, err
}

// attempt tries to take the lock once. False without an error means that it changed hands meanwhile.
func (c *claim) attempt() (bool, error) {
	if taken, err := c.take(c.path); taken || err != nil {
		return taken, err
	}
	chain, last, modified, err := follow(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !last.Gone(c.time.Sub(modified)) {
		return false, last.held(c.path)
	}
	right := successor(c.path, last.Token)
	if won, err := c.take(right); !won || err != nil {
		return false, err
	}
	return c.replace(append(chain, right))
}

// replace puts the claim in the place of a lock whose holder is gone. The last file of the chain is this claim's, so
// nobody else may, unless the chain is an old one: then another has done all this since.
func (c *claim) replace(chain []string) (bool, error) {
	_, last, _, err := follow(c.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && last.Token != c.Token {
		return false, os.Remove(chain[len(chain)-1])
	}
	if err == nil {
		err = os.Rename(c.file, c.path)
	}
	if now, _, readErr := read(c.path); err != nil && (readErr != nil || now.Token != c.Token) {
		return false, errors.Join(err, os.Remove(chain[len(chain)-1]))
	}
	for _, file := range chain {
		os.Remove(file)
	}
	return true, nil
}

// follow goes from the lock at path to the last of those who took over, one from another, and returns the files after
// the first, that holder, and when it last refreshed its file.
func follow(path string) (chain []string, last holder, modified time.Time, err error) {
	last, modified, err = read(path)
	if err != nil {
		return nil, last, modified, err
	}
	for {
		file := successor(path, last.Token)
		next, at, err := read(file)
		if errors.Is(err, fs.ErrNotExist) {
			return chain, last, modified, nil
		}
		if err != nil {
			return nil, last, modified, err
		}
		chain, last, modified = append(chain, file), next, at
		if len(chain) > attempts {
			return nil, last, modified, fmt.Errorf("lock %s: %d processes died taking it over; remove %s.*%s", path, attempts, path, successorSuffix)
		}
	}
}

// read returns what a lock file says and when it was last refreshed. A file that says nothing, as a full disk may leave
// it where there are no links, has a holder on no host, so that its age decides.
func read(path string) (holder, time.Time, error) {
	f, err := os.Open(path)
	if err != nil {
		return holder{}, time.Time{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return holder{}, time.Time{}, err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return holder{}, time.Time{}, err
	}
	var h holder
	if json.Unmarshal(content, &h) != nil || !safe(h.Token) {
		sum := sha256.Sum256(content)
		h = holder{Token: hex.EncodeToString(sum[:8]), Since: info.ModTime()}
	}
	return h, info.ModTime(), nil
}

// safe says whether a token may be part of a file's name.
func safe(token string) bool {
	return token != "" && len(token) <= 64 && !strings.ContainsFunc(token, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// held is the error for whoever else wants the lock at path.
func (h holder) held(path string) *HeldError {
	return &HeldError{Path: path, Host: h.Host, PID: h.PID, Command: h.Command, Since: h.Since}
}

// sweep removes what processes that have ended left beside the lock, which this process now holds. What they left gives
// no right to it any more: a successor's right is to a token that is not there.
func (c *claim) sweep() {
	entries, err := os.ReadDir(filepath.Dir(c.path))
	if err != nil {
		return
	}
	for _, entry := range entries {
		name := entry.Name()
		ours := strings.HasPrefix(name, filepath.Base(c.path)+".")
		if !ours || !strings.HasSuffix(name, claimSuffix) && !strings.HasSuffix(name, successorSuffix) {
			continue
		}
		file := filepath.Join(filepath.Dir(c.path), name)
		if author, modified, err := read(file); err == nil && author.Gone(c.time.Sub(modified)) {
			os.Remove(file)
		}
	}
}
