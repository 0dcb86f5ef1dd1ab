//go:build !race

package testbed

// raceEnabled says that the test, and so what it builds, detects races.
const raceEnabled = false
