package metrics

import "embed"

// Source is the text of this package; see toy.Source.
//
//go:embed *.go
var Source embed.FS
