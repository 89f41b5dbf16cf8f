package process

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

const forever = 1000 * time.Hour

func TestSelfIsThereHoweverSilent(t *testing.T) {
	me := Self()
	if me.PID != os.Getpid() {
		t.Errorf("Self names process %d, this is %d", me.PID, os.Getpid())
	}
	if me.Gone(forever) {
		t.Error("this process counts as gone")
	}
}

func TestGone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("has no sleep command")
	}
	child := exec.Command("sleep", "1000")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	id := Self()
	id.PID = child.Process.Pid
	id.Start, _ = started(id.PID)
	if id.Gone(forever) {
		t.Error("a running child counts as gone")
	}
	if runtime.GOOS == "linux" {
		reused := id
		reused.Start = "1"
		if !reused.Gone(0) {
			t.Error("a process id that was used again counts as the first process")
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitUntilGone(t, id) // on Linux: while it is a zombie
	child.Wait()
	if !id.Gone(0) {
		t.Error("a killed child counts as there")
	}
}

func waitUntilGone(t *testing.T, id Identity) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	for range 1000 {
		if id.Gone(0) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("a killed child that nobody waited for counts as there")
}

func TestElsewhereSilenceDecides(t *testing.T) {
	there, contained := Self(), Self()
	there.Host += "-other"
	contained.Space += "-other"
	for name, id := range map[string]Identity{"other host": there, "other container": contained} {
		if id.Gone(Silence) {
			t.Errorf("%s: gone after %v of silence", name, Silence)
		}
		if !id.Gone(Silence + time.Second) {
			t.Errorf("%s: there after more than %v of silence", name, Silence)
		}
	}
}

func TestStringNamesProcessAndHost(t *testing.T) {
	got := Identity{Host: "node7", PID: 123}.String()
	if !strings.Contains(got, "123") || !strings.Contains(got, "node7") {
		t.Errorf("got %q", got)
	}
}
