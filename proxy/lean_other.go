//go:build !unix

package proxy

// leanWorks: there is no way to look at a connection without waiting, so all
// requests are http.Transport's.
const leanWorks = false

func silent(uintptr) bool { return false }
