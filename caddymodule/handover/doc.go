// Package handover makes a reload of the Caddyfile lose no connection.
//
// Caddy gives every configuration a listening socket of its own (SO_REUSEPORT)
// and closes the one before, with the connections in its queue; and Go's HTTP
// server, when it is shut down, closes connections that are about to send a
// request. Here the listening socket belongs to the process: configurations
// that listen on the same address share it, one after the other. A connection
// on which no byte of the next request was read yet is taken away from a
// configuration that ends and is accepted anew by the one that follows; requests
// that were begun are answered before Caddy ends the old server.
//
// Nothing is read twice: a connection moves only between two requests, so no
// request is ever served by two configurations. What was spoken above plain
// HTTP/1.1 cannot be moved between requests: on TLS an old configuration ends
// its HTTP/1.1 connections with "Connection: close" and its HTTP/2 connections
// with GOAWAY.
package handover
