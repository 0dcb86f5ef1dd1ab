package process

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
)

// The range lies below the one that systems take the ports of outgoing
// connections from, so a port that is free now still is when a slow program
// comes to listen on it.
const lowestPort, highestPort = 20_000, 32_000

// share is how many ports lie between where one process begins to look and where
// the next may.
const share = 64

// taken counts the ports that this process has looked at.
var taken atomic.Int64

// FreeAddress returns a loopback address that nobody listens on. Of the same process
// no other call gets it, and hardly one of another's: they begin elsewhere, by
// their IDs. What was found free may be listened on much later.
func FreeAddress() (string, error) {
	var err error
	for range 1000 {
		at := int64(os.Getpid())*share + taken.Add(1)
		address := net.JoinHostPort("127.0.0.1", strconv.FormatInt(lowestPort+at%(highestPort-lowestPort), 10))
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
