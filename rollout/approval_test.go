package rollout_test

import (
	"errors"
	"testing"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
)

func TestWhoMayApprove(t *testing.T) {
	t.Parallel()
	state := func(started, approved string) rollout.RouteState {
		s := at(5 * percent)
		s.Rollout.StartedBy, s.Rollout.ApprovedBy = started, approved
		return s
	}
	named := rollout.Gates{Approval: []string{"anna", "ben"}}
	second := rollout.Gates{SecondPerson: true}
	both := rollout.Gates{Approval: []string{"anna", "ben"}, SecondPerson: true}
	above := rollout.Gates{Approval: []string{"anna"}, ApprovalAbove: 25 * percent}
	for name, test := range map[string]struct {
		gates rollout.Gates
		state rollout.RouteState
		to    routes.PPM
		want  bool
	}{
		"nobody needs to":                {rollout.Gates{}, state("anna", ""), 25 * percent, true},
		"nobody has":                     {named, state("anna", ""), 25 * percent, false},
		"who is named":                   {named, state("carla", "ben"), 25 * percent, true},
		"who started it may":             {named, state("anna", "anna"), 25 * percent, true},
		"who is not named":               {named, state("anna", "carla"), 25 * percent, false},
		"who started it may not":         {both, state("anna", "anna"), 25 * percent, false},
		"the other one may":              {both, state("anna", "ben"), 25 * percent, true},
		"another one who is not named":   {both, state("anna", "carla"), 25 * percent, false},
		"anybody else":                   {second, state("anna", "carla"), 25 * percent, true},
		"nobody else":                    {second, state("anna", "anna"), 25 * percent, false},
		"not up to there":                {above, state("anna", ""), 25 * percent, true},
		"from there on":                  {above, state("anna", ""), 50 * percent, false},
		"lowering never needs approval":  {both, state("anna", ""), 1 * percent, true},
		"staying does not either":        {both, state("anna", ""), 5 * percent, true},
		"a route that was never started": {both, rollout.RouteState{}, 1 * percent, false},
	} {
		p := rollout.DefaultPlan()
		p.Gates = test.gates
		err := p.MayRaise(test.state, test.to)
		if (err == nil) != test.want || err != nil && !errors.Is(err, rollout.ErrNotApproved) {
			t.Errorf("%s: %v", name, err)
		}
		if test.state.Rollout == nil || test.state.Rollout.ApprovedBy == "" {
			continue
		}
		if err := p.MayApprove(test.state, test.state.Rollout.ApprovedBy); (err == nil) != test.want {
			t.Errorf("%s: may approve: %v", name, err)
		}
	}
}
