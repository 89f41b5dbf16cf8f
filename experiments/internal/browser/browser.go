// Package browser drives an installed Chromium: it prints pages to PDF, and for tests (build tag browser) it opens pages,
// records what they log and what they ask of the network, and runs axe-core's accessibility rules on them.
//
// axe-core is below axe/ as published on npm (version 4.14.1, Mozilla Public License 2.0, with its notices). Only tests
// embed it.
package browser

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Names are the programs that Find looks for, in this order.
var Names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// ErrMissing says that no Chromium is installed.
var ErrMissing = errors.New("no Chromium is installed")

// Find returns the path of an installed Chromium. The error wraps ErrMissing and says what was looked for.
func Find() (string, error) {
	for _, name := range Names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: none of %s is on the PATH (Debian: apt-get install chromium)", ErrMissing, strings.Join(Names, ", "))
}

// sandboxed says whether Chromium can have its sandbox, which it refuses to root.
func sandboxed() bool { return os.Geteuid() != 0 }

// PDF prints an HTML file as PDF, without headers and footers. The page's print style decides sizes and margins. Chromium writes the time
// into the PDF, so that its bytes differ from run to run.
func PDF(ctx context.Context, page string) ([]byte, error) {
	program, err := Find()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "chromium-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	full, err := filepath.Abs(page)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(folder, "page.pdf")
	args := []string{"--headless", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--no-pdf-header-footer",
		"--user-data-dir=" + filepath.Join(folder, "profile"), "--print-to-pdf=" + out}
	if !sandboxed() {
		args = append(args, "--no-sandbox")
	}
	said, err := exec.CommandContext(ctx, program, append(args, FileURL(full))...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", program, err, lastLine(said))
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return nil, fmt.Errorf("%s wrote no PDF: %s", program, lastLine(said))
	}
	return data, nil
}

// lastLine returns the last line of a program's output that is not empty.
func lastLine(output []byte) string {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	return lines[len(lines)-1]
}

// FileURL returns the file URL of an absolute path.
func FileURL(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}
