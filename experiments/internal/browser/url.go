package browser

import (
	"net/url"
	"path/filepath"
)

// FileURL returns the file URL of an absolute path.
func FileURL(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}
