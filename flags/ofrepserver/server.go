// Package ofrepserver answers questions about flags over HTTP, by the
// OpenFeature Remote Evaluation Protocol 0.1.0
// (https://github.com/open-feature/protocol, service/openapi.yaml), so that
// services and browsers that speak OpenFeature get the answers that requests
// get.
//
// Whoever can reach the handler can ask for any targeting key; who that is, is
// the business of whoever mounts it.
package ofrepserver

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
)

// maxBody is the largest question that is read, in bytes.
const maxBody = 64 << 10

// Context is the evaluation context that a client sent.
type Context map[string]any

// TargetingKey is the context's targetingKey; empty when it is no text.
func (c Context) TargetingKey() string {
	key, _ := c["targetingKey"].(string)
	return key
}

// Flag is a flag's value for one context.
type Flag struct {
	Key     string `json:"key"`
	Value   bool   `json:"value"`
	Variant string `json:"variant,omitempty"`
	// Reason is OpenFeature's word for why, such as SPLIT or STATIC.
	Reason string `json:"reason,omitempty"`
	// Metadata holds texts, numbers and booleans only.
	Metadata map[string]any `json:"metadata,omitempty"`
}

// Source knows the flags. Its methods are called concurrently.
type Source interface {
	// Evaluate returns a flag's value; there is false when there is no such flag.
	Evaluate(ctx context.Context, key string, about Context) (flag Flag, there bool)
	// EvaluateAll returns every flag's value, in an order that stays the same.
	EvaluateAll(ctx context.Context, about Context) []Flag
}

// New is a handler of /ofrep/v1/evaluate/flags/{key} and, for all flags in one
// answer, /ofrep/v1/evaluate/flags. The latter has an ETag, and is 304 for a
// client that has the same already.
func New(source Source) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ofrep/v1/evaluate/flags/{key...}", func(w http.ResponseWriter, r *http.Request) { one(w, r, source) })
	mux.HandleFunc("POST /ofrep/v1/evaluate/flags", func(w http.ResponseWriter, r *http.Request) { all(w, r, source) })
	return mux
}

// failure is evaluationFailure, flagNotFound and bulkEvaluationFailure of the
// protocol.
type failure struct {
	Key     string `json:"key,omitempty"`
	Code    string `json:"errorCode"`
	Details string `json:"errorDetails,omitempty"`
	status  int
}

func one(w http.ResponseWriter, r *http.Request, source Source) {
	key := r.PathValue("key")
	about, failed := read(w, r)
	if failed != nil {
		failed.Key = key
		answer(w, failed.status, failed)
		return
	}
	flag, there := source.Evaluate(r.Context(), key, about)
	if !there {
		answer(w, http.StatusNotFound, &failure{Key: key, Code: "FLAG_NOT_FOUND"})
		return
	}
	answer(w, http.StatusOK, flag)
}

func all(w http.ResponseWriter, r *http.Request, source Source) {
	about, failed := read(w, r)
	if failed != nil {
		answer(w, failed.status, failed)
		return
	}
	flags := source.EvaluateAll(r.Context(), about)
	if flags == nil {
		flags = []Flag{}
	}
	body, err := json.Marshal(map[string]any{"flags": flags})
	if err != nil {
		answer(w, http.StatusInternalServerError, map[string]string{"errorDetails": "the answer cannot be written"})
		return
	}
	sum := sha256.Sum256(body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	w.Header().Set("ETag", tag)
	if has(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	send(w, http.StatusOK, body)
}

// has reports whether If-None-Match names the tag, compared weakly (RFC 9110
// §13.1.2). Ours hold no comma.
func has(lines []string, tag string) bool {
	for _, line := range lines {
		for other := range strings.SplitSeq(line, ",") {
			other = strings.TrimSpace(other)
			if other == "*" || strings.TrimPrefix(other, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// read returns the context of a question; one without a body has an empty one.
func read(w http.ResponseWriter, r *http.Request) (Context, *failure) {
	if kind := r.Header.Get("Content-Type"); kind != "" {
		// A web page of another site can send a form or plain text without being
		// asked first, but no JSON.
		if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
			return nil, &failure{Code: "PARSE_ERROR", Details: "Content-Type: application/json is expected", status: http.StatusBadRequest}
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, &failure{Code: "PARSE_ERROR", Details: "the question is larger than 64 KiB", status: http.StatusRequestEntityTooLarge}
	}
	if err != nil {
		return nil, &failure{Code: "PARSE_ERROR", Details: "the question did not arrive", status: http.StatusBadRequest}
	}
	if len(body) == 0 {
		return Context{}, nil
	}
	var question struct {
		Context json.RawMessage `json:"context"`
	}
	if err := json.Unmarshal(body, &question); err != nil {
		return nil, &failure{Code: "PARSE_ERROR", Details: `a JSON object as {"context": {…}} is expected`, status: http.StatusBadRequest}
	}
	about := Context{}
	if len(question.Context) > 0 {
		if err := json.Unmarshal(question.Context, &about); err != nil {
			return nil, &failure{Code: "INVALID_CONTEXT", Details: "the context is no object", status: http.StatusBadRequest}
		}
	}
	if key, there := about["targetingKey"]; there {
		if _, text := key.(string); !text {
			return nil, &failure{Code: "INVALID_CONTEXT", Details: "the targetingKey is no text", status: http.StatusBadRequest}
		}
	}
	return about, nil
}

func answer(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"errorDetails":"the answer cannot be written"}`)
	}
	send(w, status, body)
}

func send(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "private, no-cache") // it is about one user, and of this moment
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}
