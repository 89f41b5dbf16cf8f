package browser

import (
	"errors"
	"strings"
	"testing"
)

func TestMissingChromium(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := PDF(t.Context(), "page.html")
	if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "apt-get install chromium") {
		t.Errorf("%v", err)
	}
}

func TestFileURL(t *testing.T) {
	for path, want := range map[string]string{"/a/b.html": "file:///a/b.html", "/a b?#%.html": "file:///a%20b%3F%23%25.html"} {
		if got := FileURL(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
