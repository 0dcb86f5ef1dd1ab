//go:build race

package routes

// raceEnabled: sync.Pool forgets at random under the race detector, and then allocates.
const raceEnabled = true
