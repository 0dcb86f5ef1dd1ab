package shadow

import (
	"fmt"
	"net/http"
	"time"
)

// NotMirroredHeader is in the answer to a request that came as a shadow's and would
// have been mirrored itself; its value is [NotMirrored]. Whoever asked so has a shadow
// that has a shadow: itself, or another that asks it in turn, so that the answer may be
// the very one it is held against. A Strangler before a service that compares nothing on
// that route does not say so. Only those hear it who say that they are a shadow, and it
// says nothing of targets; what believes it asked that target itself, so that no
// client has a part in it.
const (
	NotMirroredHeader = "X-Strangler-Not-Mirrored"
	NotMirrored       = "loop"
)

// whyLooped is why such an answer is not compared.
const whyLooped = "looped"

// loopTime is how long after such an answer comparisons do not yet prove that there
// will be no more of them: one of a target's URLs may be right.
const loopTime = time.Minute

// looped tells whether an answer says so.
func looped(h http.Header) bool { return h.Get(NotMirroredHeader) == NotMirrored }

// loopReason is why the route of such answers is blind, and what to do.
func loopReason(shadow string) string {
	return fmt.Sprintf("the shadow %s is a Strangler that compares this route itself, this server or another, so what it answers may be the monolith's own answer and proves nothing: "+
		"write the service's own address as the url of target %s", shadow, shadow)
}
