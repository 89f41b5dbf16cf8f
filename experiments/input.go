package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"windtunnel/experiments/inputfile"
	"windtunnel/toy/llama"
	"windtunnel/toy/tokenizer"
)

// modelFlags name a language model and its tokenizer.
type modelFlags struct{ model, tokenizer string }

func (m *modelFlags) register(f *pflag.FlagSet) {
	f.StringVar(&m.model, "model", "configs/data/stories260K.bin", "checkpoint in llama2.c's format; experiments data tells of larger ones")
	f.StringVar(&m.tokenizer, "tokenizer", "configs/data/tok512.bin", "its tokenizer, in llama2.c's format")
}

// load reads both.
func (m *modelFlags) load() (*llama.Model[float32], *tokenizer.Tokenizer, error) {
	model, err := readModel("--model", m.model)
	if err != nil {
		return nil, nil, err
	}
	data, err := readFlagged("--tokenizer", m.tokenizer, "a tokenizer in llama2.c's format")
	if err != nil {
		return nil, nil, err
	}
	t, err := tokenizer.Read(bytes.NewReader(data), model.Vocab)
	if err != nil {
		return nil, nil, inputError{fmt.Errorf("--tokenizer %s: %w", m.tokenizer, err)}
	}
	return model, t, nil
}

func readModel(flag, path string) (*llama.Model[float32], error) {
	data, err := readFlagged(flag, path, "a checkpoint in llama2.c's format; experiments data tells where there are some")
	if err != nil {
		return nil, err
	}
	model, err := llama.Read(bytes.NewReader(data))
	if other := otherFormat(data); err != nil && other != "" {
		return nil, inputError{fmt.Errorf("%s %s: is %s, and no checkpoint in llama2.c's format; llama2.c's export.py makes one, with version 0, "+
			"if the model has what that can hold: see experiments data", flag, path, other)}
	}
	if err != nil {
		return nil, inputError{fmt.Errorf("%s %s: %w", flag, path, err)}
	}
	return model, nil
}

// otherFormat names the format of a model that is not llama2.c's, "" for what it does not know.
func otherFormat(data []byte) string {
	begins := func(magic string) bool { return bytes.HasPrefix(data, []byte(magic)) }
	switch {
	case len(data) > 8 && data[8] == '{' && binary.LittleEndian.Uint64(data) < uint64(len(data)):
		return "a safetensors file"
	case begins("GGUF"):
		return "a GGUF file"
	case begins("PK\x03\x04"), begins("\x80\x02"):
		return "a PyTorch checkpoint"
	case begins("version https://git-lfs"):
		return "a git-lfs pointer, in place of the file itself (`git lfs pull` fetches it)"
	case begins("ak42"):
		return "a llama2.c checkpoint of version 1 or 2"
	}
	return ""
}

// readFlagged reads a file that a flag names.
func readFlagged(flag, path, want string) ([]byte, error) {
	data, err := inputfile.Read(path, inputfile.Data)
	if err != nil {
		return nil, inputError{fmt.Errorf("%s %w", flag, notOpened(err, path, want))}
	}
	return data, nil
}

// notOpened says what is wrong with a file, and what it should be.
func notOpened(err error, path, want string) error {
	return fmt.Errorf("%s: %s; want %s", path, strings.TrimPrefix(err.Error(), "open "+path+": "), want)
}

// openInput opens a file that an argument names, standard input for -, and returns how messages call it.
func openInput(ctx context.Context, path, want string) (in io.ReadCloser, name string, err error) {
	if path == "-" {
		return io.NopCloser(interruptible{ctx, os.Stdin}), "standard input", nil
	}
	file, err := inputfile.Open(path, inputfile.Data)
	if err != nil {
		return nil, "", inputError{notOpened(err, path, want)}
	}
	return file, path, nil
}

// abandoned does what does not look at its context, and goes on without it once that is canceled. It must not write
// anything.
func abandoned[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := do()
		done <- outcome{value, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// interruptible is a reader whose waiting ends with a context.
type interruptible struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (r interruptible) Read(p []byte) (int, error) {
	own := make([]byte, len(p)) // what was abandoned may still be written to
	n, err := abandoned(r.ctx, func() (int, error) { return r.Reader.Read(own) })
	return copy(p, own[:n]), err
}
