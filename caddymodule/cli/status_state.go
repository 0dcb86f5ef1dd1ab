package cli

import (
	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/routes"
)

// shareOf is a route's share, and what its requests get now; a flag decides
// request by request, so there is no number then.
func shareOf(r *engine.RouteStatus) (share, now string) {
	if r.Flag == "" {
		return r.Share.String(), r.Effective.String()
	}
	if r.Decides == engine.DecidesFlag || r.Decides == engine.DecidesTrial {
		return "flag", "by flag"
	}
	return "flag", r.Effective.String()
}

// state is a route's condition in a few words.
func state(r *engine.RouteStatus) cell {
	switch r.Decides {
	case engine.DecidesNoService:
		return cell{text: "no service"}
	case engine.DecidesBrake:
		return cell{"braked", red}
	case engine.DecidesHold:
		return cell{"held" + until(r.Hold), yellow}
	case engine.DecidesUnknown:
		return cell{"not known yet", red}
	case engine.DecidesBreaker:
		return cell{"breaker open", red}
	case engine.DecidesTrial:
		return cell{"breaker half open", yellow}
	default:
	}
	switch s := step(r); {
	case r.Flag != "":
		return cell{text: "flag " + r.Flag + " at " + r.Declared.String()}
	case r.Declared != nil:
		return cell{text: "declared at " + r.Declared.String()}
	case r.Unsaved:
		return cell{"not stored yet", yellow}
	case s.text != "":
		return s
	case r.Effective == 0:
		return cell{text: "off"}
	case r.Effective == routes.One:
		return cell{"full", green}
	}
	return cell{"split", green}
}

// last is since when a route is as it is, who said so and why.
func last(r *engine.RouteStatus) (since, by, reason string) {
	switch {
	case r.Hold != nil:
		return moment(r.Hold.Since), r.Hold.By, r.Hold.Reason
	case r.Declared != nil:
		return "", "", ""
	case r.HoldEnded != nil && r.HoldEnded.Until.After(r.Since):
		return moment(r.HoldEnded.Until), r.HoldEnded.By, "the hold ended by itself: " + r.HoldEnded.Reason
	}
	return moment(r.Since), r.By, r.Reason
}
