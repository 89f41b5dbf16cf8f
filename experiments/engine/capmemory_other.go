//go:build !linux

package engine

import "os/exec"

// setApart does nothing where the system has no groups that end with their parent.
func setApart(*exec.Cmd) {}

// capMemory does nothing where the system has no bound that counts what Go uses.
func capMemory(int64) {}
