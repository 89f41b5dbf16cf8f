package spec

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits bound what one run may take. A run that exceeds one has failed; they are no part of what the run is.
type Limits struct {
	Time   Duration `yaml:"time,omitempty" doc:"wall-clock time, as 30s or 1h30m; none means no limit"`
	Memory Size     `yaml:"memory,omitempty" doc:"memory, as 500MB or 2GiB; none means no limit"`
}

// Duration is a length of time above 0, or 0 for none given.
type Duration time.Duration

// UnmarshalText reads what time.ParseDuration reads, above 0.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v <= 0 {
		return errors.New("a duration above 0, as 500ms, 30s or 1h30m")
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Size is a number of bytes above 0, or 0 for none given.
type Size int64

type sizeUnit struct {
	name  string
	bytes int64
}

// sizeUnits are the units of sizes, the largest first; B must be last.
var sizeUnits = []sizeUnit{
	{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"KB", 1e3}, {"B", 1},
}

// UnmarshalText reads a number with a unit: B, KB, MB, GB, TB are powers of 1000, KiB, MiB, GiB, TiB powers of 1024.
func (s *Size) UnmarshalText(text []byte) error {
	for _, unit := range sizeUnits {
		number, ok := strings.CutSuffix(string(text), unit.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		bytes := math.Round(v * float64(unit.bytes))
		if err != nil || !(bytes >= 1 && bytes <= 1<<53) {
			break
		}
		*s = Size(bytes)
		return nil
	}
	return errors.New("a number of B, KB, MB, GB, TB, KiB, MiB, GiB or TiB, as 500MB")
}

// MarshalText writes what String does.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String writes the same number of bytes in the largest unit that divides it.
func (s Size) String() string {
	unit := sizeUnits[slices.IndexFunc(sizeUnits, func(u sizeUnit) bool { return int64(s)%u.bytes == 0 })] // B divides all
	return fmt.Sprintf("%d%s", int64(s)/unit.bytes, unit.name)
}
