//go:build !race

package diff

// raceEnabled: sync.Pool forgets at random under the race detector.
const raceEnabled = false
