package shadow

import "net/http"

// The sections of an exchange's head, in the order in which they come.
const (
	sectionLine    = iota // what asked has, but for its fields
	sectionRequest        // the client's fields
	sectionBefore         // what was in the writer's header already
	sectionAnswer         // the answer's fields
	sectionTrailer
	sections
)

// answerRoom is what most answers' heads need; the block of a request's head has
// room for it from the start.
const answerRoom = 384

// keepRequest copies the request's head; false when there is no room for it.
func (x *Exchange) keepRequest(r *http.Request, a *Arrival) bool {
	line := [...]string{
		r.Method, r.Host, r.URL.Path, r.URL.RawPath, r.URL.RawQuery,
		a.RequestID, a.TraceID, a.Client.IP, a.Client.RemoteIP,
	}
	size := fieldsSize(r.Header) + answerRoom
	for _, text := range line {
		size += lengthSize + len(text)
	}
	x.heads.expect(int64(size))
	for _, text := range line {
		x.heads.text(text)
	}
	x.close(sectionLine)
	x.heads.fields(r.Header)
	x.close(sectionRequest)
	return x.heads.loss == lossNone
}

// close ends a section; those after it are empty until they are ended themselves.
func (x *Exchange) close(section int) {
	for i := section; i < sections; i++ {
		x.ends[i] = int32(x.heads.n)
	}
}

// section is one section's texts, good until more is copied.
func (x *Exchange) section(i int) []byte {
	if x.heads.loss != lossNone {
		return nil
	}
	start := int32(0)
	if i > 0 {
		start = x.ends[i-1]
	}
	return x.heads.bytes()[start:x.ends[i]]
}

// asked is an exchange's head as a worker reads it.
type asked struct {
	method, host         string
	path, rawPath, query string
	given                Arrival

	header, answerHead, trailer string // fields

	heard http.Header // by the service, unless nobody has asked yet
}

// open reads the head; false when the budget has no room for what that takes.
func (x *Exchange) open() bool {
	// The texts, and twice the fields: as they came and as they go out.
	if !x.hold(int64(3 * x.heads.n)) {
		return false
	}
	all := string(x.heads.bytes())
	x.asked = &asked{
		header:     all[x.ends[sectionLine]:x.ends[sectionRequest]],
		answerHead: all[x.ends[sectionBefore]:x.ends[sectionAnswer]],
		trailer:    all[x.ends[sectionAnswer]:x.ends[sectionTrailer]],
		given:      Arrival{At: x.at, Arm: x.plan.arm, Principal: x.principal},
	}
	q := x.asked
	q.given.Client.Trusted, q.given.Client.Secure = x.trusted, x.secure
	for _, text := range [...]*string{
		&q.method, &q.host, &q.path, &q.rawPath, &q.query,
		&q.given.RequestID, &q.given.TraceID, &q.given.Client.IP, &q.given.Client.RemoteIP,
	} {
		*text, all = cut(all)
	}
	x.heads.free()
	return true
}
