package process

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// The range lies below the one that systems take the ports of outgoing
// connections from, so a port that is free now still is when a slow program
// comes to listen on it.
const lowestPort, highestPort = 20_000, 32_000

// FreeAddress returns a loopback address that nobody listens on.
func FreeAddress() (string, error) {
	var err error
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowestPort+rand.IntN(highestPort-lowestPort)))
		if err = Free(address); err == nil {
			return address, nil
		}
	}
	return "", err
}

// Free returns an error when somebody listens on the address.
func Free(address string) error {
	listener, err := net.Listen("tcp", address) //nolint:noctx // does not block
	if err != nil {
		return fmt.Errorf("%s is taken: %w", address, errors.Unwrap(err))
	}
	return listener.Close()
}
