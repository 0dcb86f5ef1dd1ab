package routes

import "cmp"

// idleRollouts finds rollouts that nothing but a dead service would stop, and
// those that could never go on.
func idleRollouts(doc *Document) (found Problems) {
	for _, r := range doc.Routes {
		plan := r.Rollout
		if plan == nil {
			continue
		}
		if !plan.Guards.any() {
			found = append(found, r.finding(cmp.Or(plan.at.guards, plan.at.start), codeNoGuard, "",
				"the rollout has no guard: only a dead service stops it", "leave guards out for the default ones, or add error_rate_above_monolith: 1"))
		}
		if r.Shadow == nil && (plan.Gates.Compared > 0 || plan.Gates.MismatchBelow > 0) {
			found = append(found, r.finding(plan.at.compared, codeGateStaysShut, "",
				"nothing is compared on this route, so the gate never opens", "add shadow: {}, or take compared and mismatch_below out"))
		}
		if r.Shadow != nil && r.Shadow.Reverse && (plan.Gates.Compared > 0 || plan.Gates.MismatchBelow > 0) {
			found = append(found, r.finding(plan.at.compared, codeGateStaysShut, "",
				"with reverse nothing is compared before the service serves, so the first step never comes", "remove reverse until after the cutover"))
		}
		if r.Shadow == nil && plan.Guards.MismatchAbove > 0 {
			found = append(found, r.finding(plan.at.mismatch, codeNoEffect, "mismatch_above",
				"nothing is compared on this route, so the guard never looks", "add shadow: {}, or remove it"))
		}
		if gates := plan.Gates; gates.ApprovalAbove > 0 && len(gates.Approval) == 0 && !gates.SecondPerson {
			found = append(found, r.finding(plan.at.above, codeNoEffect, "approval_above",
				"nobody needs to approve, so this has no effect", "add approval: [NAME, …] or second_person: true, or remove it"))
		}
	}
	return found
}
