// Package evidence says whether a service does worse than the monolith in the
// same window: by its error rate, by a quantile of its latency, and whether it
// is dead. It is pure: it reads no clock and starts nothing.
//
// A [Recorder] counts on the request path. What it counted between two looks is
// an interval, and a [Trial] takes one interval after the other and answers
// with a [Report] for each guard.
//
// # The test
//
// Both arms serve at the same time, users split by hash, so the monolith is the
// service's control group. Each interval is a 2×2 table: failed and not failed,
// service and monolith. Given its margins, the number of the service's failures
// is hypergeometric when both arms fail alike, whatever the rate is, and
// Fisher's noncentral hypergeometric when the service's odds are ψ times the
// monolith's (R. A. Fisher, "The logic of inductive inference", JRSS 98, 1935;
// A. Fog, "Calculation methods for Wallenius' and Fisher's noncentral
// hypergeometric distributions", Comm. Stat. Sim. Comp. 37, 2008). So a rate
// that moves with the hour of the day costs nothing: only the arms of one
// interval are held against each other.
//
// The likelihood ratio of ψ against 1, multiplied over the intervals and mixed
// over a few values of ψ > 1, is a nonnegative martingale when ψ is 1, and a
// supermartingale when it is less: an e-process (Grünwald, de Heide and Koolen,
// "Safe testing", JRSS B 86, 2024; Turner, Ly and Grünwald, "Generic E-variables
// for exact sequential k-sample tests", J. Stat. Plan. Inf. 230, 2024; the
// mixture is Robbins', Ann. Math. Stat. 41, 1970). By Ville's inequality (1939)
// it ever reaches 1/α with probability at most α: it may be looked at after
// every interval, for as long as one likes, and α still is the chance that a
// service just as good as the monolith is ever called worse.
//
// A latency is reduced to the same test. Before an interval the monolith's
// quantile so far is taken as the threshold, and the interval's answers that
// took longer are counted as its failures. Since the threshold is fixed before
// the interval, the two arms' counts are exchangeable when their latencies are
// equally distributed, and the same bound holds.
//
// Certainty is not enough: with much traffic a difference that nobody minds is
// certain too. A guard fails when the difference is certain and the estimate of
// it is above what is tolerated. As long as it is merely likely the guard does
// not pass either, so a rollout waits until more requests have settled it.
//
// What is assumed: requests of one interval are exchangeable between the arms.
// A few users who make most of the requests, and fail together, are fewer
// independent events than there are requests; a route like that needs a
// smaller Level.
package evidence
