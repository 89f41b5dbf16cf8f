// Package try lets a computation of many steps of which each may fail read as if none did. Within Do an error is a panic, so that what
// is computed stands there undisturbed; it does not leave Do, which returns it.
package try

import "fmt"

// failure is what the panic is of.
type failure struct{ err error }

// Check ends what Do does if there is an error.
func Check(err error) {
	if err != nil {
		panic(failure{err})
	}
}

// Must returns v, unless there is an error, which ends what Do does.
func Must[T any](v T, err error) T {
	Check(err)
	return v
}

// Fail ends what Do does with an error, as fmt.Errorf makes it.
func Fail(format string, args ...any) { Check(fmt.Errorf(format, args...)) }

// In puts a place before the error that ends a part of what Do does.
func In(place string, do func()) {
	if err := Do(do); err != nil {
		Fail("%s: %w", place, err)
	}
}

// Do returns the error that ends what is done. Other panics pass.
func Do(do func()) (err error) {
	defer func() {
		switch ended := recover().(type) {
		case nil:
		case failure:
			err = ended.err
		default:
			panic(ended)
		}
	}()
	do()
	return nil
}
