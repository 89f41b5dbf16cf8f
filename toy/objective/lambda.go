package objective

import (
	"fmt"
	"reflect"

	"windtunnel/toy/registry"
)

// Lambda returns a loss's regularization strength and the interval, ends included, in which it may lie. It is false for a loss
// that has none.
func Lambda(loss Params) (lambda, low, high float64, ok bool) {
	field, tag, ok := registry.Field(loss, "lambda")
	if !ok {
		return 0, 0, 0, false
	}
	if n, _ := fmt.Sscanf(tag.Get("range"), "[%g,%g]", &low, &high); n != 2 {
		panic(fmt.Sprintf("objective: %T has no closed range of lambda", loss))
	}
	return field.Float(), low, high, true
}

// WithLambda returns a copy of a loss with another regularization strength. It panics where the loss has none, see Lambda.
func WithLambda(loss Params, lambda float64) Params {
	copied := reflect.New(reflect.TypeOf(loss).Elem())
	copied.Elem().Set(reflect.ValueOf(loss).Elem())
	field, _, ok := registry.Field(copied.Interface(), "lambda")
	if !ok {
		panic(fmt.Sprintf("objective: %T has no lambda", loss))
	}
	field.SetFloat(lambda)
	return copied.Interface().(Params)
}
