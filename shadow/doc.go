// Package shadow mirrors a sample of a route's requests to a shadow and compares
// the two answers. No client ever waits for it, and no client sees what the
// shadow says.
package shadow
