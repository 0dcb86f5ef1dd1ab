package handover

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// observe is told by Go's HTTP server what it does with a connection.
func observe(nc net.Conn, state http.ConnState) {
	c, direct := find(nc)
	if c == nil {
		return
	}
	other := state == http.StateHijacked || state == http.StateActive && speaksHTTP2(nc)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen, c.direct = true, direct
	switch {
	case c.phase == gone || c.phase == opaque:
	case other:
		c.phase = opaque
	case state == http.StateActive:
		c.phase = active
	case state == http.StateIdle:
		c.phase = idle
		if !direct {
			c.idled = time.Now()
		}
	}
}

// find is our connection under what the server has, and whether that is it.
func find(nc net.Conn) (c *conn, direct bool) {
	if c, ok := nc.(*conn); ok {
		return c, true
	}
	for {
		under, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			return nil, false
		}
		if nc = under.NetConn(); nc == nil {
			return nil, false
		}
		if c, ok := nc.(*conn); ok {
			return c, false
		}
	}
}

func speaksHTTP2(nc net.Conn) bool {
	secure, ok := nc.(*tls.Conn)
	return ok && secure.ConnectionState().NegotiatedProtocol == "h2"
}
