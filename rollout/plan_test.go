package rollout_test

import (
	"testing"

	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/rollout/evidence"
	"github.com/strangler-proxy/strangler/routes"
)

// schedule is a schedule that the test knows to be good.
func schedule(t *testing.T, s string) *routes.Schedule {
	t.Helper()
	parsed, err := routes.ParseSchedule(s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestTheDefaultPlanIsGood(t *testing.T) {
	t.Parallel()
	p := rollout.DefaultPlan()
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	if p.Gates.MinRequests != evidence.DefaultMinRequests {
		t.Errorf("the route table's default is %d requests, the evidence's %d", p.Gates.MinRequests, evidence.DefaultMinRequests)
	}
}
