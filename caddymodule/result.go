package caddymodule

import (
	"strconv"
	"strings"

	"go.uber.org/zap/zapcore"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/routes"
)

// served is a request's result as placeholders and log fields have it. The
// engine fills it in: the decision before the request is forwarded, the rest
// when the answer has ended. It holds nothing secret: no key, no cookie.
type served struct{ engine.Result }

// placeholder is a caddy.ReplacerFunc; nothing is computed until somebody asks.
func (s *served) placeholder(name string) (any, bool) {
	name, ours := strings.CutPrefix(name, appName+".")
	if !ours {
		return nil, false
	}
	switch name {
	case "route":
		return s.Decision.Route, true
	case "arm":
		return s.Decision.Arm.String(), true
	case "reason":
		return string(s.Decision.Reason), true
	case "bucket":
		return s.bucket(), true
	case "target":
		return s.Target, true
	case "request_id":
		return s.RequestID, true
	case "trace_id":
		return s.TraceID, true
	case "fallback":
		return string(s.Outcome.Fallback), true
	}
	return nil, false
}

// bucket is empty when none was needed.
func (s *served) bucket() string {
	if s.Decision.Bucket == routes.NoBucket || s.Decision.Reason != routes.ReasonSplit {
		return ""
	}
	return strconv.FormatUint(uint64(s.Decision.Bucket), 10)
}

// MarshalLogObject is the object "strangler" of an access-log record.
func (s *served) MarshalLogObject(e zapcore.ObjectEncoder) error {
	e.AddString("route", s.Decision.Route)
	e.AddString("arm", s.Decision.Arm.String())
	e.AddString("reason", string(s.Decision.Reason))
	if s.Decision.Reason == routes.ReasonSplit {
		e.AddUint32("bucket", uint32(s.Decision.Bucket))
		e.AddUint32("share", uint32(s.Decision.Share))
	}
	e.AddString("target", s.Target)
	e.AddString("request_id", s.RequestID)
	e.AddString("trace_id", s.TraceID)
	if s.Outcome.Fallback != "" {
		e.AddString("fallback", string(s.Outcome.Fallback))
	}
	return nil
}
