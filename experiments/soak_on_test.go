//go:build soak

package main

const soaking = true
