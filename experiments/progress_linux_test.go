package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
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
	p := newProgress("test", terminal, false)
	p.Start(2, 4)
	p.Done(nil, 1)
	p.Done(nil, 3)
	p.finish()
	terminal.Close()
	text := <-shown
	drawn := strings.FieldsFunc(text, func(r rune) bool { return r == '\r' })
	if !slices.ContainsFunc(drawn, func(bar string) bool { return strings.HasPrefix(bar, "test 1/2 runs  25% |") }) || strings.Contains(text, "\n") {
		t.Errorf("the terminal shows %q", drawn)
	}
	if last := drawn[len(drawn)-1]; strings.TrimSpace(last) != "" {
		t.Errorf("%q is left on the terminal", last)
	}
}
