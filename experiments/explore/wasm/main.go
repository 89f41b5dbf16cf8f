//go:build js && wasm

// Command wasm gives a browser the explorer's model. It sets two functions on the global object and stays:
//
//	windtunnelExplore(fragment, whole)  the answer to a state as JSON, see model.Explorer.Explore
//	windtunnelKinds()                   the losses and metrics that there are as JSON
package main

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"syscall/js"

	"windtunnel/experiments/explore/model"
)

// gcPercent lets the heap grow to five times what is alive, which is little, before a collection interrupts the page.
const gcPercent = 400

func main() {
	debug.SetGCPercent(gcPercent)
	var explorer model.Explorer
	js.Global().Set("windtunnelExplore", js.FuncOf(func(_ js.Value, args []js.Value) any {
		return encode(answer(&explorer, args[0].String(), args[1].Bool()))
	}))
	js.Global().Set("windtunnelKinds", js.FuncOf(func(js.Value, []js.Value) any {
		return encode(model.Describe())
	}))
	select {}
}

// answer explores a fragment. A loss that panics is a problem of the state and leaves the page alive.
func answer(explorer *model.Explorer, fragment string, whole bool) (r *model.Result) {
	s, problems := model.ParseState(fragment)
	defer func() {
		if v := recover(); v != nil {
			r = &model.Result{Fragment: s.Fragment(), Problems: []model.Problem{{Field: "a", Message: fmt.Sprintf("the computation broke off: %v", v)}}}
		}
	}()
	if len(problems) > 0 {
		return &model.Result{Fragment: s.Fragment(), Problems: problems}
	}
	return explorer.Explore(s, whole)
}

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("wasm: %v", err)) // nothing that is encoded here can fail
	}
	return string(text)
}
