package handover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/caddyserver/caddy/v2"
)

// refuseForeign refuses an address on which another process listens. Caddy's
// sockets share ports (SO_REUSEPORT), also between processes: two servers would
// both start, and each would get half of the connections.
func refuseForeign(ctx context.Context, address caddy.NetworkAddress) error {
	var alone net.ListenConfig // without SO_REUSEPORT
	probe, err := alone.Listen(ctx, address.Network, address.JoinHostPort(0))
	if err == nil {
		return probe.Close()
	}
	if !errors.Is(err, syscall.EADDRINUSE) || listensHere(address.StartPort) {
		return nil // what else is wrong with the address, Caddy says
	}
	return fmt.Errorf("address %s is in use by another process: end that one first, or choose another address", address.JoinHostPort(0))
}

// listensHere reports whether this process has a listening socket on that port.
func listensHere(port uint) bool {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return true // nothing can be said
	}
	for _, file := range files {
		fd, err := strconv.Atoi(file.Name())
		if err != nil {
			continue
		}
		if listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN); err != nil || listens == 0 {
			continue
		}
		name, err := syscall.Getsockname(fd)
		if err != nil {
			continue
		}
		switch name := name.(type) {
		case *syscall.SockaddrInet4:
			if uint(name.Port) == port {
				return true
			}
		case *syscall.SockaddrInet6:
			if uint(name.Port) == port {
				return true
			}
		}
	}
	return false
}
