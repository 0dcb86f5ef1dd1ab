// Package token mints the short-lived JWTs that services trust instead of the
// monolith's session, keeps the keys that sign them, and publishes the public
// ones.
//
// It promises that
//
//   - a valid token is never refused because keys were rotated, by any verifier
//     that keeps a key set for an hour or less, behind an HTTP cache or not;
//   - a token says what the subject says: no text of a user, no attribute and no
//     configured claim can become a claim that a verifier trusts;
//   - a token is for one service, for a minute at most, and never for longer
//     than the session it stands for;
//   - private keys leave the process to the Store alone: not to a log, a status,
//     an error or the published set.
//
// Where it cannot keep one it answers an error and no token: the monolith serves.
//
// # A walk
//
// [NewRing] makes an issuer's [Ring]; [Ring.Run] keeps its [Set] of keys as it is
// in the [Store] and as the [Policy] wants it. [Ring.Service] checks what a
// service's tokens are like ([ServiceOptions]) and makes a [Service] of it. When a
// session was resolved, [Subject.Prepare] writes down once what all its tokens
// say. Then each request asks [Minter.Token], which has the token in memory or
// lets [Service.Mint] make it. [Ring.Keys] and [Ring.Metadata] are the HTTP
// handlers for verifiers.
//
// # The token
//
// A JWS in compact form (RFC 7515, section 7.1) of a JWT (RFC 7519). Header: alg,
// that of the key; kid, the key's RFC 7638 thumbprint; typ, "JWT" or "at+jwt"
// (RFC 9068; RFC 8725, section 3.11). Claims:
//
//	iss, aud   the issuer, and one service as a string
//	sub, act   whom it speaks of, and who really acts (RFC 8693)
//	sid        HMAC-SHA256(secret, "strangler-sid-1\x00" + session key), base64url
//	iat, nbf   10 s ago
//	exp        at most 60 s ahead, and not after the session's end
//	jti        128 random bits
//	auth_time, amr, acr   when and how the user logged in, if known
//	client_id  of an at+jwt
//
// and those configured. Every value is written by encoding/json.
//
// # The keys
//
// A key is published, signs, is retired, and is gone; each at a time that is
// stored with it, so that the nodes of a fleet do it by the clock, together:
//
//	published  Lead (75 min) or more before it signs
//	signing    for Policy.Every, or until Rotate or Revoke
//	retired    published for Keep (76 min); its private half is dropped after 10 min
//
// There are at most three. The next is made when the one before begins to sign,
// so that there is one to rotate to. The first of an issuer signs at once: nobody
// can know an older set, unless the store was lost (Options.Cautious). Private
// keys are made here and cannot be brought along.
//
// Revoke removes a key from the set at once, and other nodes learn it within a
// minute, or when they reach the store again. That is all a published set can
// do: a verifier takes what a thief signs until it asks again, an hour and five
// minutes for the slowest, for ever where it keeps what it once knew. So a key is
// one issuer's, and who needs certainty restarts the verifiers. The next key
// signs at once if it was published for Lead; else there are no tokens until it
// was, for verifiers would refuse them.
//
// A stored set is JSON, one for each issuer, and holds the private keys in clear:
//
//	{"format":1,"keys":[{"kid":"…","alg":"ES256","published":"…","signs":"…",
//	 "retires":"…","public":"base64 SPKI","private":"base64 PKCS #8"}]}
//
// # Sources
//
// RFC 7515 (JWS), 7517 (JWK), 7518 (algorithms), 7519 (JWT), 7638 (thumbprints),
// 8037 (EdDSA), 8176 (amr), 8414 and OpenID Connect Discovery 1.0 (metadata), 8693
// (act), 8725 (best practice), 9068 (at+jwt); what verifiers keep was read in
// PyJWT, jose, keyfunc and go-oidc.
package token
