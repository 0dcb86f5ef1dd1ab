package recent

import (
	"slices"
	"strings"
	"sync"

	"github.com/strangler-proxy/strangler/routes"
)

// maxSources is how many of a table's sources are kept: a slot's size is fixed,
// and each request pays for each of them.
const maxSources = 8

// maxLayouts is how many layouts are known. Most edits of a table make no new
// one; of a request with a forgotten one no values are known.
const maxLayouts = 64

// Layout says which values the slots have. It is immutable.
type Layout struct {
	id      uint32
	sources []kept
}

// kept is a source whose values are kept.
type kept struct {
	source routes.Source
	secret bool   // as a hash only
	header string // the name, when it is a header
	cookie string // the name, when it is a cookie
}

// Layouts knows the layouts of the tables that were in force. The zero value is
// ready; its methods may be called concurrently.
type Layouts struct {
	mu    sync.Mutex
	last  uint32
	known []*Layout // newest last
}

// Of is the layout for a table's requests: its first eight sources.
func (a *Layouts) Of(t *routes.Table) *Layout {
	sources := t.Sources()
	sources = sources[:min(len(sources), maxSources)]
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.known {
		if slices.EqualFunc(l.sources, sources, func(k kept, s routes.Source) bool { return k.source == s }) {
			return l
		}
	}
	a.last++
	made := &Layout{id: a.last, sources: make([]kept, len(sources))}
	for i, s := range sources {
		made.sources[i] = keep(s)
	}
	a.known = append(a.known, made)
	if len(a.known) > maxLayouts {
		a.known = slices.Delete(a.known, 0, 1)
	}
	return made
}

// byID are the layouts that are known.
func (a *Layouts) byID() map[uint32]*Layout {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make(map[uint32]*Layout, len(a.known))
	for _, l := range a.known {
		all[l.id] = l
	}
	return all
}

func keep(s routes.Source) kept {
	k := kept{source: s, header: s.Header(), secret: s.Cookie() || secret(s.Name())}
	if s.Cookie() {
		k.cookie = s.Name()
	}
	return k
}

// secretWords are parts of names under which secrets travel, in lower case.
var secretWords = []string{"auth", "token", "secret", "key", "session", "password", "passwd", "signature", "credential", "cookie", "csrf", "code", "jwt"}

// secret says whether a header or parameter of that name may hold a secret. The
// words are many rather than few: of such a value a hash is kept, which is
// enough for the conditions exact and present.
func secret(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(name, word) })
}

// read is what r has at the source. Most requests have none of them, and that
// is found out at little cost.
func (k *kept) read(r *routes.Request) routes.Value {
	switch {
	case k.header != "":
		if len(r.Header[k.header]) == 0 {
			return routes.Value{}
		}
	case k.cookie != "":
		if !named(r.Header["Cookie"], k.cookie) {
			return routes.Value{}
		}
	case r.RawQuery == "":
		return routes.Value{}
	}
	return k.source.Read(r)
}

// named says whether the name of a cookie may be in the lines.
func named(lines []string, name string) bool {
	for _, line := range lines {
		if strings.Contains(line, name) {
			return true
		}
	}
	return false
}
