package objective

import (
	"reflect"
	"testing"
)

// Every loss with a lambda gives it, and a copy with another, which leaves the first and all else alone.
func TestLambda(t *testing.T) {
	with := 0
	for _, kind := range Kinds() {
		loss := kind.New()
		lambda, low, high, ok := Lambda(loss)
		if field := reflect.ValueOf(loss).Elem().FieldByName("Lambda"); ok != field.IsValid() || ok && field.Float() != lambda {
			t.Errorf("%s: lambda %v, %v", kind.Name, lambda, ok)
		}
		if !ok {
			continue
		}
		with++
		if !(low > 0 && low < lambda && lambda < high) {
			t.Errorf("%s: lambda %v in [%v, %v]", kind.Name, lambda, low, high)
		}
		other := WithLambda(loss, 7)
		if got, _, _, _ := Lambda(other); got != 7 || !reflect.DeepEqual(loss, kind.New()) {
			t.Errorf("%s: lambda 7 is %v, and the loss %+v", kind.Name, got, loss)
		}
		if back := WithLambda(other, lambda); !reflect.DeepEqual(back, loss) {
			t.Errorf("%s: %+v, want %+v", kind.Name, back, loss)
		}
	}
	if with < 30 {
		t.Errorf("only %d losses have a lambda", with)
	}
}
