package publish

import (
	"errors"
	"io/fs"
	"os"
)

// swap exchanges two folders by renames through a third name, A.old. Killed between two of them, it leaves the folder
// that was at b complete under that name; see recoverSwap.
func swap(a, b string) error {
	aside := a + ".old"
	if err := os.Rename(b, aside); err != nil {
		return err
	}
	if err := os.Rename(a, b); err != nil {
		return err
	}
	return os.Rename(aside, a)
}

// recoverSwap puts back what a swap of the same folders left aside when it was killed, or removes it where b is there.
func recoverSwap(a, b string) error {
	aside := a + ".old"
	if _, err := os.Stat(b); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(aside, b); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.RemoveAll(aside)
}
