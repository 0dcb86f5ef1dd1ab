// Package evidence says whether a service does worse than the monolith in the
// same window: by its error rate, by a quantile of its latency, whether it is
// dead, and whether its answers differ from the monolith's. It is pure: it reads
// no clock and starts nothing.
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
// equally distributed, and the same bound holds. A failure that took longer than
// the threshold, as a timeout does, is slow whatever the answer would have been,
// and counts as such; one that came sooner tells nothing and is left out of both
// numbers, so that a refused connection makes nobody look fast. Which of them a
// request is depends on itself and the threshold alone, so the counts stay
// exchangeable. In the quantiles such a failure counts with the time it took,
// which is the least that an answer could have taken.
//
// Comparisons of a shadow need no second arm: the rate of mismatches is held
// against a limit, as an e-process too (mismatch.go). How often the monolith
// differs from itself raises what is tolerated, and is known from what was asked again.
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
//
// # What it finds
//
// Simulated rollouts through 1, 5, 25 and 50 %, 3,000 requests of the service in
// each step (at 1 % that is 300,000 requests of the route), 30 looks a step, two
// failed looks in a row end it; tolerated are 0.5 percentage points and ×1.22,
// half of the harm that a plan names. The monolith is simulated with at most
// ten requests for each of the service's. Latencies are log-normal with the
// spread sigma; in restless hours both arms' rates and latencies swing by half.
// From TestSimulatedRollouts with -long, fixed seeds:
//
//	                                      rollouts  rolled back  before 25 %  requests of the service
//	healthy, 1 % errors                     20,000      0.005 %         0 %                   13,422
//	healthy, 1 % errors, restless hours     20,000      0.000 %         0 %                   13,427
//	healthy, 0.1 % errors, sigma 1.2        20,000      0.015 %      0.01 %                   13,352
//	healthy, 10 % errors                    20,000      0.000 %         0 %                   14,584
//	errors 1 % -> 2 %                        4,000        100 %     99.88 %                    3,434
//	errors 1 % -> 2 %, restless hours        4,000        100 %     99.92 %                    3,158
//	p95 × 1.5, sigma 0.4                     4,000        100 %       100 %                      309
//	p95 × 1.5, sigma 0.7                     4,000        100 %       100 %                      478
//	p95 × 1.5, sigma 1.2                     4,000        100 %       100 %                    1,025
//	p95 × 1.5, restless hours                4,000        100 %       100 %                      448
//	errors 1 % -> 1.2 %, latency × 1.05      4,000        0.9 %       0.4 %                   13,781
//	dead, looked at every 100 requests       4,000        100 %       100 %                      200
package evidence
