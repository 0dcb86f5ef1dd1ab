package routes

import "strings"

// ambiguousPath reports whether servers may read the path differently.
func ambiguousPath(path, rawPath string) bool {
	return path == "" || path[0] != '/'
}

// canonicalPort is the length of host without its port.
func canonicalPort(host string) int {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.IndexByte(host, ':') != i && !strings.HasPrefix(host, "[") || strings.IndexByte(host[i:], ']') >= 0 {
		return len(host)
	}
	return i
}
