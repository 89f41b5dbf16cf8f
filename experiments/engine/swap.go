package engine

import "os"

// swap exchanges two folders by renames through a third name, A.old. Killed between two of them, it leaves the folder
// that was at b complete under that name.
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
