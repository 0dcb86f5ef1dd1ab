package recent

import (
	"hash/maphash"

	"github.com/strangler-proxy/strangler/routes"
)

// seed keys all hashes; nobody outside this process can make them.
var seed = maphash.MakeSeed()

// Hash is the keyed hash of a text; 0 is for the empty one.
func Hash(text string) uint64 {
	if text == "" {
		return 0
	}
	return maphash.String(seed, text)
}

// HashSticky is the hash of what a route is sticky by, never 0.
func HashSticky(s routes.Sticky) uint64 {
	return (uint64(s.By)+1)<<56 ^ Hash(s.Name)>>8
}
