package proxy

import "time"

// DialError makes an error that says what a failed dial says.
func DialError(err error) error { return &dialError{err} }

// SetBodyGrace makes a target less patient with slow clients.
func SetBodyGrace(t *Target, d time.Duration) { t.bodyGrace = d }

// Uploads are the exchanges whose client is still sending.
func Uploads(t *Target) int64 { return t.uploads.Load() }

// AheadTaken is how many bytes of bodies are read ahead now.
func AheadTaken() int64 { return aheadTaken.Load() }

// FillAhead takes all the room for bodies read ahead until the test ends.
func FillAhead(cleanup func(func())) {
	aheadTaken.Add(aheadRoom)
	cleanup(func() { aheadTaken.Add(-aheadRoom) })
}
