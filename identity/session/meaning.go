package session

// meanings are what reasons say, for an operator.
var meanings = map[Reason]string{
	NoCookie:        "the request has no session cookie",
	BadCookie:       "the cookie's value cannot be one of a session",
	BadSignature:    "none of the configured secrets signed the cookie; if the monolith takes it, they are not the monolith's",
	Expired:         "the session's time is over",
	NoSession:       "the store does not have the session: it ended, or it is another store",
	NoUser:          "the session is a visitor's: nobody signed in",
	UserGone:        "the user was deleted",
	UserInactive:    "the user was disabled",
	OtherHash:       "the password changed since the user signed in",
	OtherBackend:    "the user signed in by a backend that is not configured",
	AmbiguousCookie: "the cookie is there twice, with different values; the monolith serves",
	TimedOut:        "the store did not answer in time; the monolith serves",
	StoreFailed:     "the store could not be asked; the monolith serves",
	Undecodable:     "the session cannot be read; the monolith serves",
	Unsupported:     "the session is in a format that is not read here; the monolith serves",
	Unverified:      "none of the configured secrets signed what the store has; the monolith serves",
	Refused:         "the monolith knows the user and lets them do nothing (yet); it serves",
	Busy:            "too many sessions are being looked up; the monolith serves",
	Resting:         "the store failed and is not asked for a moment; the monolith serves",
	Misconfigured:   "the monolith, or where its sessions are, is not as the configuration says; it serves",
}

// Meaning is the reason in a sentence; empty for Known's.
func (r Reason) Meaning() string { return meanings[r] }
