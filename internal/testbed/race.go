//go:build race

package testbed

// Race says that the test, and so what it builds, detects races.
const Race = true
