// Package rollout keeps how much of every route goes to its service, who said
// so, when and why.
//
// A [Ledger] is the one place where that changes. What it promises:
//
//   - Back to the monolith is one local write that depends on nothing. A hold,
//     the brake and a lower share are in the [Snapshot] that requests are
//     decided by before the store is even asked; the store learns of them when
//     it answers, and until then they are listed as unsaved.
//   - Away from the monolith is stored first. A release or a higher share that
//     the store did not take is refused, and if the store turns out to have
//     taken it after all it is taken back.
//   - State that was never read is not guessed: until the store has been read
//     once, no route is known and all stay on the monolith.
//   - Every change is in an append-only journal, with the state before and
//     after, who, why, from where and when.
//   - A change made on an outdated view is refused with a [*Conflict] that
//     says what the other person did.
//
// # How it works
//
// The state is a fold: what the store holds (the newest [Change] of every
// route), with the changes it has not taken yet laid over it in order. One
// goroutine talks to the store: it reads it at the start, writes what is
// unsaved with growing pauses between attempts, and carries out the changes that must be
// stored first. When the store knows more than the ledger (another proxy of a
// fleet wrote, or an answer was lost), it is read again and the overlay is laid
// over the new state; nothing toward the monolith is ever dropped for that.
//
// The brake is a hold on the route named [AllRoutes]: it leaves the routes'
// own states alone, so releasing it restores exactly what was.
//
// # Rollouts that move by themselves
//
// A [Plan] says through which steps a route goes to its service, what must hold
// before each ([Gates]) and what ends it ([Guards]). [Next] is the whole
// decision, a pure function of the route's state, the plan, the evidence and
// the time. The [Controller] asks it every few seconds for every route that has
// been started, with evidence from package evidence: the service against the
// monolith in the same window. What it promises:
//
//   - No data neither fails nor passes.
//   - A service that is no worse than the monolith is rolled back in at most
//     0.1 % of rollouts, however often it is looked at.
//   - A guard waits for no store, and not for another route's change either.
//   - A step is neither skipped nor repeated, whatever restarts and however many
//     controllers run: each change names the version it was decided on.
//   - What a guard ended, a person lets go on.
package rollout
