package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"windtunnel/experiments/inputfile"
)

// TakenError says what stands where results are to go. Nothing has been written.
type TakenError struct{ error }

func taken(path, what, advice string) error {
	return TakenError{fmt.Errorf("%s %s, and results would take its place; %s", path, what, advice)}
}

// shardManifest is the file by which the folder of a shard is known, which has no manifest of files.
const shardManifest = "shard.json"

// Place returns where the results of OUT/NAME go: there, or where a link there leads. What stands there already must be a
// folder of results, or an empty one; else the error is a TakenError.
func Place(out, name string) (string, error) {
	if err := PlaceFolder(out); err != nil {
		return "", err
	}
	path := filepath.Join(out, name)
	const advice = "move it away, or choose another --out or name"
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	final, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", taken(path, "cannot be followed ("+reason(err)+")", advice)
	}
	info, err := os.Stat(final)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", taken(path, "is "+inputfile.Kind(info.Mode()), advice)
	}
	entries, err := os.ReadDir(final)
	if err != nil || len(entries) == 0 {
		return final, err
	}
	if _, err := os.Stat(filepath.Join(final, shardManifest)); err == nil {
		return final, nil
	}
	if _, err := ReadManifest(final); err != nil {
		return "", taken(path, fmt.Sprintf("holds %s but no %s that can be read: it is no folder of results", entries[0].Name(), manifestName), advice)
	}
	return final, nil
}

// PlaceFolder refuses, by a TakenError, a folder for results that is none, or that cannot be made.
func PlaceFolder(out string) error {
	const advice = "choose another --out"
	for dir := out; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		_, link := os.Lstat(dir)
		switch {
		case err == nil && info.IsDir():
			return nil
		case err == nil:
			return taken(dir, "is "+inputfile.Kind(info.Mode()), advice)
		case link == nil, errors.Is(err, syscall.ENAMETOOLONG):
			return taken(dir, "cannot be followed ("+reason(err)+")", advice)
		case dir == filepath.Dir(dir):
			return err
		}
	}
}

// PlaceFile refuses the path of a file that WriteFile could not write, so that nothing is computed in vain. flag is what gives it.
func PlaceFile(flag, path string) error {
	dir := filepath.Dir(path)
	folder, err := os.Stat(dir)
	if err != nil && errors.Is(err, fs.ErrNotExist) || err == nil && !folder.IsDir() {
		return TakenError{fmt.Errorf("%s %s: there is no folder %s", flag, path, dir)}
	}
	there, err := os.Stat(path)
	if err == nil && there.IsDir() {
		return TakenError{fmt.Errorf("%s %s: is a folder; want a file such as %s", flag, path, filepath.Join(path, "out"+filepath.Ext(path)))}
	}
	if errors.Is(err, fs.ErrNotExist) { // its temporary name is longer
		_, err = os.Stat(filepath.Join(dir, "."+filepath.Base(path)+".0123456789"+Partial))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return TakenError{fmt.Errorf("%s %s: %s; want another name", flag, path, reason(err))}
	}
	return nil
}

func reason(err error) string {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathError.Err
	}
	return err.Error()
}

// Owner is the config whose results a folder holds.
type Owner struct {
	Path string // of the config, "" if it is not known
	Hash string // of its content, as in Manifest.Inputs
}

// Check refuses, by a TakenError, to put the owner's results in the place of those of another config. A config is the same
// under its path, whatever has been edited, and under its content; that of the folder itself is its own. Folders that do not
// say whose they are count as the owner's.
func (o Owner) Check(out, name string) error {
	final, err := Place(out, name)
	if err != nil {
		return err
	}
	m, err := ReadManifest(final)
	if err != nil || m.Config == "" || o.Path == "" || m.Inputs["config"] == o.Hash {
		return nil
	}
	ours, _ := inputfile.From(final, o.Path) // "" where there is none
	theirs := filepath.Join(final, filepath.FromSlash(m.Config))
	if ours == m.Config || ours != "" && path.Dir(ours) == "." {
		return nil
	}
	a, gone := os.Stat(theirs)
	b, unread := os.Stat(o.Path)
	if gone == nil && unread == nil && os.SameFile(a, b) {
		return nil
	}
	return taken(filepath.Join(out, name), "holds the results of another config, "+theirs, "choose another name or --out, or say --force")
}

// SetOwner records whose results a folder OUT/NAME will hold. Where the owner's path is not known, or is in the folder
// itself, it stays whose it was.
func (m *Manifest) SetOwner(o Owner, out, name string) {
	final, err := Place(out, name)
	if err != nil {
		return // Publish says so
	}
	if o.Path != "" {
		m.Config, _ = inputfile.From(final, o.Path)
	}
	if old, err := ReadManifest(final); err == nil && path.Dir(m.Config) == "." {
		m.Config = old.Config
	}
}
