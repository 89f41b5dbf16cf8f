package cache_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"windtunnel/experiments/cache"
)

func Example() {
	dir, err := os.MkdirTemp("", "cache")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	store, err := cache.Open(dir)
	if err != nil {
		panic(err)
	}
	defer store.Close()

	key := cache.Key(sha256.Sum256([]byte("dpo, lambda 0.1, seed 1")))
	if !store.Has(key) {
		err = store.Put(key, []byte("status done, KL 0.25"))
	}
	if err := errors.Join(err, store.Sync()); err != nil { // from here on, it survives anything
		panic(err)
	}
	row, err := store.Get(key, nil)
	fmt.Println(string(row), err)
	// Output: status done, KL 0.25 <nil>
}
