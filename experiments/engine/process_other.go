//go:build !linux

package engine

import "time"

var begun = time.Now()

// processorTime is the time since the process began, where the system does not tell that of its processors.
func processorTime() time.Duration { return time.Since(begun) }

// capMemory does nothing where the system has no bound that counts what Go uses.
func capMemory(int64) {}
