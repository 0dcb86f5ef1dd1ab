package proxy

// DialError makes an error that says what a failed dial says.
func DialError(err error) error { return &dialError{err} }
