// Package notify tells the outside of every change of a rollout, by webhooks.
//
// It reads the journal, where every change already is, and stores how far each
// webhook has come. What it promises:
//
//   - Every change that a webhook wants arrives at least once, in the journal's
//     order, with the same ID however often it is sent: over restarts, kills and
//     receivers that are down. Only an event older than a day ([Patience]) that
//     still cannot be delivered is skipped, and that is logged as an error.
//   - A webhook is told of changes made after it was first configured.
//   - A receiver that is slow, down or hostile holds up nobody: not another
//     webhook, not the ledger. What is read of its answer and how long it is
//     waited for is bounded, and it is never followed elsewhere.
//   - Neither a secret nor the path of a URL, which often is one, is logged or
//     shown: a webhook goes by its name.
//
// # The request
//
// A POST with the headers of Standard Webhooks 1.0.0
// (https://www.standardwebhooks.com): webhook-id (the change's ID),
// webhook-timestamp (seconds since 1970 of this attempt) and, when there is a
// secret, webhook-signature, "v1," and the base64 of the HMAC-SHA256 of
// "ID.TIMESTAMP.BODY"; and Idempotency-Key, which is the ID too. The body is an
// [Event], or for Slack a message.
package notify
