package routes

import "slices"

// Code describes one kind of Problem.
type Code struct {
	// Name is the Code of a Problem.
	Name     string
	Severity Severity
	// Meaning says what is wrong and what to do, in one sentence.
	Meaning string
}

// The codes; Codes has their meaning.
const (
	codeSyntax           = "syntax"
	codeTooLarge         = "too-large"
	codeEmptyDocument    = "empty-document"
	codeSeveralDocuments = "several-documents"
	codeUnknownField     = "unknown-field"
	codeDuplicateKey     = "duplicate-key"
	codeMissingField     = "missing-field"
	codeWrongType        = "wrong-type"
	codeBadText          = "bad-text"
	codeBadName          = "bad-name"
	codeBadNumber        = "bad-number"
	codeBadDuration      = "bad-duration"
	codeBadURL           = "bad-url"
	codeMixedSchemes     = "mixed-schemes"
	codeBadPattern       = "bad-pattern"
	codeBadMethod        = "bad-method"
	codeMethodTwice      = "method-twice"
	codeBadCondition     = "bad-condition"
	codeBadSticky        = "bad-sticky"
	codeBadAttribute     = "bad-attribute"
	codeBadPercent       = "bad-percent"
	codeBadSteps         = "bad-steps"
	codeBadSchedule      = "bad-schedule"
	codeBadWord          = "bad-word"
	codeSeveralDeciders  = "several-deciders"
	codeBadDay           = "bad-day"
	codeBadControl       = "bad-control"
	codeBadFallback      = "bad-fallback"
	codeBadRewrite       = "bad-rewrite"
	codeRepeated         = "repeated"
	codeUnknownTarget    = "unknown-target"
	codeServiceMonolith  = "service-is-monolith"
	codeDuplicateRoute   = "duplicate-route"
	codePatternConflict  = "pattern-conflict"
	codeBadRoute         = "bad-route"
	codeTooManyProblems  = "too-many-problems"

	codeNeverMatches    = "never-matches"
	codeUnusedService   = "unused-service"
	codeUnownedRoute    = "unowned-route"
	codeWritesTwoOwners = "writes-two-owners"
	codeNoFallback      = "no-fallback"
	codeNoEffect        = "no-effect"
	codeOddMethod       = "odd-method"
	codeNoGuard         = "no-guard"
	codeGateStaysShut   = "gate-stays-shut"
	codeCSRFOff         = "csrf-off"
	codeIdleShadow      = "idle-shadow"
	codeShadowUnheard   = "shadow-unheard"
	codeShadowSignedIn  = "shadow-signed-in"
	codeRuleHidesAll    = "rule-hides-all"
)

// The codes of what is found beside Parse, Compile and Lint: by what compares,
// and by a server when it takes a table over.
const (
	CodeBadRule        = "bad-rule"
	CodeRuleExpired    = "rule-expired"
	CodeUnreadable     = "unreadable"
	CodeUnusableTarget = "unusable-target"
	CodeNoTargetBlock  = "no-target-block"
	CodeBadIdentity    = "bad-identity"
	CodeNoIdentity     = "no-identity"
	CodeNotRead        = "not-read"
	CodeNoLogin        = "no-login"
	CodeNoDjango       = "no-django-csrf"
)

// codes is the one list of what Parse, Compile, Lint and a server find.
var codes = []Code{
	{codeSyntax, Error, "The document is not YAML, or not UTF-8 text."},
	{codeTooLarge, Error, "The document, or what its aliases stand for, is larger than a route table may be."},
	{codeEmptyDocument, Error, "The document holds nothing; a table has at least `targets`, `monolith` and `routes`."},
	{codeSeveralDocuments, Error, "The file holds more than one YAML document; a table is one."},
	{codeUnknownField, Error, "There is no such field here, or this release does not know it."},
	{codeDuplicateKey, Error, "The same key stands twice in one mapping; header names are compared without case."},
	{codeMissingField, Error, "A field that must be there is not."},
	{codeWrongType, Error, "The value is of another type than the field: a list for a text, a number for a mapping."},
	{codeBadText, Error, "The text is empty, too long, or holds a control character."},
	{codeBadName, Error, "The name is not made of the characters that names may have."},
	{codeBadNumber, Error, "The number is out of its range."},
	{codeBadDuration, Error, "The text is not a duration such as 500ms, 2s or 1m30s, or it is out of its range."},
	{codeBadURL, Error, "The text is not a URL that can be used here."},
	{codeMixedSchemes, Error, "The URLs of one target do not all have the same scheme."},
	{codeBadPattern, Error, "The text is not a net/http ServeMux pattern, or it could never match."},
	{codeBadMethod, Error, "The text is not a method that a route can have."},
	{codeMethodTwice, Error, "The route has `methods` and a method in `match`; only one may say it."},
	{codeBadCondition, Error, "The condition, or the name of what it tests, cannot be used."},
	{codeBadAttribute, Error, "The text is not a part of a request that a source of flags may know, or there are too many entries."},
	{codeBadSticky, Error, "The text is not something a rollout can be sticky by."},
	{CodeBadIdentity, Error, "The fields of `identity` contradict each other, or no token can be made as they say."},
	{codeBadPercent, Error, "The share is not between 0 and 100, or has more than four decimals."},
	{codeBadSteps, Error, "The steps of a rollout do not rise, or there are none or too many."},
	{codeBadSchedule, Error, "The text is not days, times and a time zone, such as `Mon-Fri 09:00-16:00 Europe/Berlin`."},
	{codeBadWord, Error, "The word is none of those that the field knows."},
	{codeSeveralDeciders, Error, "Of `percent`, `rollout` and `flag` a route has one: each alone decides which arm serves."},
	{CodeBadRule, Error, "The rule for comparing cannot be used: its path, its argument, or it has no way to compare or more than one."},
	{codeBadDay, Error, "The text is not a day such as `2027-01-31`."},
	{codeBadControl, Error, "The `control` of a shadow is what is compared; it must be a second monolith."},
	{codeBadFallback, Error, "The word is not a failure that the monolith can answer for."},
	{codeBadRewrite, Error, "The path cannot be built: it is no path, or names a wildcard that the pattern does not have."},
	{codeRepeated, Error, "The same entry stands twice in a list."},
	{codeUnknownTarget, Error, "`monolith`, `service`, or a shadow's `target` or `control`, names a target that `targets` does not have."},
	{codeServiceMonolith, Error, "The service of a route, or the target of its shadow, is the monolith."},
	{codeDuplicateRoute, Error, "Two routes have the same name."},
	{codePatternConflict, Error, "Two patterns match some requests in common and neither is more specific."},
	{codeBadRoute, Error, "A route that was made by a program, not parsed, cannot be compiled."},
	{codeTooManyProblems, Error, "There are more problems than are shown."},
	{CodeUnreadable, Error, "The file is not there, or cannot be read. Only a (re)load finds this."},
	{CodeUnusableTarget, Error, "The target's address is well written, and yet nothing can be sent to it. Only `strangler validate` and a (re)load find this."},
	{CodeNoTargetBlock, Error, "The target has no `url`, and no site has a `target NAME { … }` block for it. Only `strangler validate` and a (re)load find this."},
	{CodeNoIdentity, Error, "The route needs to know who requests are from, and the Caddyfile has no `identity` block that says whose sessions to read. Only `strangler validate` and a (re)load find this."},
	{CodeNotRead, Error, "A claim or flag attribute of the route is made of what the Caddyfile's sessions do not read: name the column under `users`, or the session's key under `claims`. Only `strangler validate` and a (re)load find this."},
	{CodeNoLogin, Error, "`anonymous: login` sends browsers to the login page, and the Caddyfile's `identity` block has no `login_url`. Only `strangler validate` and a (re)load find this."},
	{CodeNoDjango, Error, "`csrf: django` holds requests against Django's CSRF cookie, and the sessions that the Caddyfile reads have none; write `csrf: origin`. Only `strangler validate` and a (re)load find this."},

	{codeNeverMatches, Warning, "No request reaches the route: an earlier one takes all that it could match."},
	{codeUnusedService, Warning, "No route names the target; remove it, or give a route its `service`."},
	{codeUnownedRoute, Warning, "The route has no `owner`: nobody is asked when it breaks."},
	{codeWritesTwoOwners, Warning, "Two routes with different owners, or different services, write the same data; each has one writer only."},
	{codeNoFallback, Warning, "The route has a service and does not say which of its failures the monolith answers; `fallback: []` says none."},
	{codeNoEffect, Warning, "The field does nothing: it needs another one, such as `service`, that the route does not have, or an earlier rule for comparing is about the same path."},
	{codeOddMethod, Warning, "The method is almost one that everybody knows; methods of one's own are allowed, and this one is likely a typo."},
	{codeNoGuard, Warning, "The rollout has no guard but the one against a dead service: slow or wrong answers do not stop it."},
	{codeGateStaysShut, Warning, "The gate asks for what nothing counts or nobody can give; the rollout never takes its first step."},
	{codeCSRFOff, Warning, "The service takes writing requests from pages of any site in the name of who is signed in."},
	{CodeRuleExpired, Warning, "The rule for comparing has ended, so what it excused is a mismatch again; look at it again, then remove it or give it a later `until`."},
	{codeIdleShadow, Warning, "The shadow is never asked, or less often than it seems: nothing, or not all, is compared."},
	{codeShadowUnheard, Warning, "The route tells requests apart by a cookie that its shadow does not hear, so it answers as without it."},
	{codeShadowSignedIn, Warning, "The shadow gets what users are signed in by, and could use it in their name."},
	{codeRuleHidesAll, Warning, "The rule excuses the whole body: whatever the service says there is equal, and a gate is met by it."},
}

// Codes lists every kind of problem, errors first, in the order of the manual.
func Codes() []Code { return slices.Clone(codes) }

// severityOf is the severity of a code in the list.
var severityOf = func() map[string]Severity {
	severities := make(map[string]Severity, len(codes))
	for _, code := range codes {
		severities[code.Name] = code.Severity
	}
	return severities
}()
