// Package recent remembers the last requests: as little of each as matching and
// deciding need, so that a draft of a route table can be tried on them.
//
// Of a request it keeps when it came, method, host and path, the route and the
// arm it got, its bucket, and the values that conditions of the table in force
// then asked for. It does not keep what could identify or let in: no sticky key
// (its bucket, and hashes of salt and kind of key, to know whether the bucket is
// still good), no cookie's value (a hash), no header or parameter whose name
// says that it is a secret (a hash), none that the table does not name. Hashes
// are keyed by what this process made up.
//
// A [Ring] has a fixed number of slots of a fixed size. Adding takes a place by
// an atomic counter and a slot by a compare-and-swap; a slot that somebody reads
// at that moment is left as it is, and the request is not remembered. So nobody
// waits and nothing is allocated. The counter is the only thing that cores
// share; requests take a thousand times longer than it does.
package recent
