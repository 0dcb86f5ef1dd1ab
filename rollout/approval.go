package rollout

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/strangler-proxy/strangler/routes"
)

// ErrNotApproved refuses to raise a share that somebody must approve first, and
// an approval by somebody who may not give it.
var ErrNotApproved = errors.New("the step is not approved")

// MayRaise refuses with ErrNotApproved to give the service a larger share than
// it has when the plan wants that approved, and nobody who may has done so. A
// smaller share needs nobody.
func (p Plan) MayRaise(s RouteState, to routes.PPM) error {
	if to <= s.Share || !p.Gates.wantsApproval(to) || p.Gates.approved(s.Rollout) {
		return nil
	}
	return fmt.Errorf("%w: %s needs approval by %s", ErrNotApproved, to, p.Gates.approvers(s.Rollout))
}

// MayApprove refuses with ErrNotApproved the approval of somebody who may not
// give it.
func (p Plan) MayApprove(s RouteState, by string) error {
	if p.Gates.mayApprove(s.Rollout, by) {
		return nil
	}
	return fmt.Errorf("%w: %s cannot approve, only %s", ErrNotApproved, by, p.Gates.approvers(s.Rollout))
}

// wantsApproval says whether going to a share needs it.
func (g *Gates) wantsApproval(to routes.PPM) bool {
	return (len(g.Approval) > 0 || g.SecondPerson) && to > g.ApprovalAbove
}

func (g *Gates) approved(r *Progress) bool {
	return r != nil && r.ApprovedBy != "" && g.mayApprove(r, r.ApprovedBy)
}

func (g *Gates) mayApprove(r *Progress, by string) bool {
	if g.SecondPerson && r != nil && r.StartedBy == by {
		return false
	}
	return len(g.Approval) == 0 || slices.Contains(g.Approval, by)
}

// approvers names who may approve.
func (g *Gates) approvers(r *Progress) string {
	starter := ""
	if g.SecondPerson && r != nil {
		starter = r.StartedBy
	}
	if len(g.Approval) == 0 {
		return "somebody else than " + starter
	}
	names := slices.DeleteFunc(slices.Clone(g.Approval), func(name string) bool { return name == starter })
	if len(names) == 0 {
		return "nobody: " + starter + " started the rollout, and no other name is in the plan"
	}
	return strings.Join(names, " or ")
}
