package proxy

import "time"

// DialError makes an error that says what a failed dial says.
func DialError(err error) error { return &dialError{err} }

// SetBodyGrace makes a target less patient with slow clients.
func SetBodyGrace(t *Target, d time.Duration) { t.bodyGrace = d }

// Uploads are the exchanges whose client is still sending.
func Uploads(t *Target) int64 { return t.uploads.Load() }
