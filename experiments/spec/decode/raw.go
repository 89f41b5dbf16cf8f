package decode

import (
	"reflect"
)

// Raw is a field that keeps its node as it stands, to be read by other means; the node is nil where the key is not
// given. T only says, for the schema, what it looks like.
type Raw[T any] struct {
	Node *Node
}

// like is what decoding sees of a Raw.
type like interface {
	looks() (as reflect.Type, node **Node)
}

func (r *Raw[T]) looks() (reflect.Type, **Node) { return reflect.TypeFor[T](), &r.Node }

// likeNode returns the node of a Raw, to be read or set. r is addressable.
func likeNode(r reflect.Value) **Node {
	_, node := r.Addr().Interface().(like).looks()
	return node
}

// likeOf returns T for the type Raw[T].
func likeOf(t reflect.Type) reflect.Type {
	as, _ := reflect.New(t).Interface().(like).looks()
	return as
}

// OrList is implemented by structs that the T of a Raw holds where a list of anything may stand in their place.
type OrList interface {
	OrList()
}

var orListType = reflect.TypeFor[OrList]()

// Either is implemented by the T of a Raw that stands for several forms; it returns a value of the type of each.
type Either interface {
	Either() []any
}

var eitherType = reflect.TypeFor[Either]()
