package publish

import "os"

// aside ends the name of a folder that swap has moved out of the way.
const aside = ".old"

// swap exchanges two folders by renames through a third name, A.old. Killed between two of them, it leaves the folder
// that was at b complete under that name; see sweep.
func swap(a, b string) error {
	if err := os.Rename(b, a+aside); err != nil {
		return err
	}
	if err := os.Rename(a, b); err != nil {
		return err
	}
	return os.Rename(a+aside, a)
}
