package main

import (
	"bytes"
	"fmt"
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
	if err != nil {
		return nil, inputError{fmt.Errorf("%s %s: %w", flag, path, err)}
	}
	return model, nil
}

// readFlagged reads a file that a flag names.
func readFlagged(flag, path, want string) ([]byte, error) {
	data, err := inputfile.Read(path, inputfile.Data)
	if err != nil {
		return nil, inputError{fmt.Errorf("%s %s: %s; want %s", flag, path, strings.TrimPrefix(err.Error(), "open "+path+": "), want)}
	}
	return data, nil
}
