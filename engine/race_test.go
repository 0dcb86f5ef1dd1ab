//go:build race

package engine

// raceEnabled: everything is many times slower.
const raceEnabled = true
