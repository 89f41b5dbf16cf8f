package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"windtunnel/experiments/engine"
)

// openTerminal returns both ends of a pseudo-terminal.
func openTerminal(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { screen.Close() })
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	return screen, terminal
}

// On a terminal there is a bar, and it is gone at the end.
func TestProgressBar(t *testing.T) {
	t.Parallel()
	screen, terminal := openTerminal(t)
	shown := make(chan string)
	go func() {
		all, _ := io.ReadAll(screen) // ends with an error when the terminal is closed
		shown <- string(all)
	}()
	p := newWatch("test", terminal, func() engine.Count { return halfway })
	time.Sleep(3 * barEvery)
	p.stop()
	terminal.Close()
	text := <-shown
	drawn := strings.FieldsFunc(text, func(r rune) bool { return r == '\r' })
	if !slices.ContainsFunc(drawn, func(bar string) bool {
		return strings.HasPrefix(bar, "test 120 of 300 runs (40 cached, 1 failed), 50 %, 8 runs/s, 25s left  50% |")
	}) || strings.Contains(text, "\n") {
		t.Errorf("the terminal shows %q", drawn)
	}
	if last := drawn[len(drawn)-1]; strings.TrimSpace(last) != "" {
		t.Errorf("%q is left on the terminal", last)
	}
}
