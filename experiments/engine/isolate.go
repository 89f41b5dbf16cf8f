package engine

import (
	"bufio"
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"windtunnel/experiments/bridge"
	"windtunnel/experiments/spec"
)

// WorkerArgument makes this program do a single run that it reads from standard input; see Worker.
const WorkerArgument = "__run"

// order is what a worker process is to do. The content of the run's files follows it as it is, in the order of the names: it would take
// several times its size in a message.
type order struct {
	Memory int64 // bytes
	Run    *spec.Document
	Files  []string // of the run, by path
	Sizes  []int
}

// exitMemory is the exit status of a worker that came to its limit of memory.
const exitMemory = 9

// isolated does a run in a process of its own, which ends if it needs more memory than the run's limit, whatever the
// run is at. A run that takes its process down is a failed one.
func isolated(ctx context.Context, run *spec.Run) (*result, error) {
	var head, out, said bytes.Buffer
	o := order{Memory: int64(run.Limits.Memory), Run: run.Document(spec.Tables())}
	parts := []io.Reader{&head}
	for path, data := range o.Run.Files {
		o.Files, o.Sizes, parts = append(o.Files, path), append(o.Sizes, len(data)), append(parts, bytes.NewReader(data))
	}
	o.Run.Files = nil
	if err := gob.NewEncoder(&head).Encode(o); err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	process := exec.CommandContext(ctx, program, WorkerArgument)
	process.Stdin, process.Stdout, process.Stderr = io.MultiReader(parts...), &out, &said
	bridge.SetApart(process)
	runtime.LockOSThread() // whose end would be the worker's
	err = process.Run()
	runtime.UnlockOSThread()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &exit) && exit.ExitCode() < 0 && !outOfMemory(exit, said.Bytes()):
		return nil, fmt.Errorf("the process of the run %s was ended from outside: %v; finished runs are in the cache, and the same command goes on from there", run.ID, exit)
	case errors.As(err, &exit) && outOfMemory(exit, said.Bytes()):
		limit, _ := run.Limits.Memory.MarshalText() // it always succeeds
		return (&worker{}).failed(run, fmt.Sprintf("needed more memory than limits.memory, %s", limit)), nil
	case errors.As(err, &exit):
		line, _, _ := bytes.Cut(said.Bytes(), []byte("\n"))
		return (&worker{}).failed(run, fmt.Sprintf("its process ended: %v: %s", exit, line)), nil
	case err != nil:
		return nil, err
	}
	e, err := decodeResult(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("the worker's answer: %w", err)
	}
	e.name = run.ID
	return e, nil
}

// outOfMemory says whether a worker process came to its limit of memory.
func outOfMemory(exit *exec.ExitError, said []byte) bool {
	return exit.ExitCode() == exitMemory || bytes.Contains(said, []byte("out of memory")) || bytes.Contains(said, []byte("cannot allocate"))
}

// Worker does the run that it reads from in, as isolated asks for, and writes its result to out. It ends the process where
// the run needs more memory than it may.
func Worker(ctx context.Context, in io.Reader, out io.Writer) error {
	var o order
	rest := bufio.NewReader(in) // of which a decoder reads no more than it decodes
	if err := gob.NewDecoder(rest).Decode(&o); err != nil {
		return err
	}
	guardMemory(o.Memory)
	o.Run.Files = map[string][]byte{}
	for i, path := range o.Files {
		o.Run.Files[path] = make([]byte, o.Sizes[i])
		if _, err := io.ReadFull(rest, o.Run.Files[path]); err != nil {
			return err
		}
	}
	run, err := o.Run.Run(spec.Tables())
	if err != nil {
		return err
	}
	e, err := (&worker{}).doHere(ctx, run)
	if err != nil {
		return err
	}
	_, err = out.Write(e.append(nil))
	return err
}

// watchMemory is how long a worker may be above its limit without ending.
const watchMemory = 2 * time.Millisecond

// guardMemory ends the process when the live and dead objects on the heap exceed the limit although the collector, which
// knows the limit, does what it can; and makes single allocations far beyond it fail.
func guardMemory(limit int64) {
	debug.SetMemoryLimit(limit)
	capMemory(limit)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for range time.Tick(watchMemory) {
			if metrics.Read(sample); sample[0].Value.Uint64() > uint64(limit) {
				os.Exit(exitMemory)
			}
		}
	}()
}
