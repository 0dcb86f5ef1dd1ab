package replay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/strangler-proxy/strangler/shadow/diff"
)

// HAR 1.2 (W3C Web Performance Working Group, historical draft of 14 August 2012),
// as far as it is needed.
type har struct {
	Log *struct {
		Version string     `json:"version"`
		Entries []harEntry `json:"entries"`
	} `json:"log"`
}

type harEntry struct {
	Request *struct {
		Method  string      `json:"method"`
		URL     string      `json:"url"`
		Headers []harHeader `json:"headers"`
		Post    *struct {
			MimeType string      `json:"mimeType"`
			Text     string      `json:"text"`
			Params   []harHeader `json:"params"`
			Encoding string      `json:"encoding"` // some tools write it
		} `json:"postData"`
	} `json:"request"`
	Response struct {
		Status  int         `json:"status"`
		Headers []harHeader `json:"headers"`
		Content struct {
			Size     int64   `json:"size"`
			MimeType string  `json:"mimeType"`
			Text     *string `json:"text"`
			Encoding string  `json:"encoding"`
		} `json:"content"`
	} `json:"response"`
}

type harHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// har reads the exchanges of a HAR file. Entries that have no answer (aborted, or
// from a cache) are left out, and counted, and so are those that are no HTTP: of
// WebSockets, of extensions, of what was in memory. An error names the entry.
func (s *Source) har(from io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(from, MaxBytes+1))
	if err != nil {
		return err
	}
	if len(data) > MaxBytes {
		return fmt.Errorf("the HAR file is larger than %d MiB; export fewer requests", MaxBytes>>20)
	}
	var file har
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &file); err != nil {
		return fmt.Errorf("no HAR file: %w", err)
	}
	if file.Log == nil {
		return errors.New("no HAR file: it has no log")
	}
	if len(file.Log.Entries) > MaxExchanges {
		return fmt.Errorf("the HAR file has %d entries, %d at most are read", len(file.Log.Entries), MaxExchanges)
	}
	for i := range file.Log.Entries {
		entry := &file.Log.Entries[i]
		switch {
		case entry.Request == nil:
			return fmt.Errorf("entry %d of the HAR file: it has no request", i+1)
		case entry.foreign():
			s.Foreign++
			continue
		case entry.Response.Status < 100:
			s.Without++
			continue
		}
		x, err := entry.exchange()
		if err != nil {
			return fmt.Errorf("entry %d of the HAR file: %w", i+1, err)
		}
		x.Name = fmt.Sprintf("entry %d", i+1)
		s.Exchanges = append(s.Exchanges, x)
	}
	return nil
}

// foreign tells whether the entry's URL has a scheme (RFC 3986, section 3.1) that
// is not one of HTTP.
func (e *harEntry) foreign() bool {
	scheme, _, found := strings.Cut(e.Request.URL, ":")
	for i := range len(scheme) {
		switch c := scheme[i]; {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || strings.IndexByte("+-.", c) >= 0):
		default:
			return false
		}
	}
	return found && scheme != "" && !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https")
}

func (e *harEntry) exchange() (x Exchange, err error) {
	target, err := url.Parse(e.Request.URL)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return x, errors.New("its url is none of http or https with a host") // without it: it may hold a secret
	}
	x = Exchange{Method: e.Request.Method, Target: target.RequestURI(), Host: hostOf(target), Header: harHeaders(e.Request.Headers)}
	if post := e.Request.Post; post != nil {
		if x.Body, err = harText(post.Text, post.Encoding); err != nil {
			return x, fmt.Errorf("its postData: %w", err)
		}
		if post.Text == "" && len(post.Params) > 0 {
			x.BodyLost = !strings.HasPrefix(post.MimeType, "application/x-www-form-urlencoded")
			form := url.Values{}
			for _, p := range post.Params {
				form.Add(p.Name, p.Value)
			}
			x.Body = []byte(form.Encode())
		}
	}
	answer := diff.Answer{Status: e.Response.Status, Header: harHeaders(e.Response.Headers)}
	// The content is decoded already.
	for _, name := range []string{"Content-Encoding", "Content-Length", "Transfer-Encoding"} {
		answer.Header.Del(name)
	}
	if content := &e.Response.Content; content.Text != nil {
		if answer.Body, err = harText(*content.Text, content.Encoding); err != nil {
			return x, fmt.Errorf("its content: %w", err)
		}
	} else {
		answer.Truncated = content.Size > 0 // it was exported without bodies
	}
	x.Answer = &answer
	return x, nil
}

// hostOf is a URL's host without the port that its scheme has anyway (RFC 9110,
// sections 4.2.1 and 4.2.2).
func hostOf(u *url.URL) string {
	return strings.ToLower(strings.TrimSuffix(u.Host, map[string]string{"http": ":80", "https": ":443"}[u.Scheme]))
}

func harText(text, encoding string) ([]byte, error) {
	switch encoding {
	case "":
		return []byte(text), nil
	case "base64":
		return base64.StdEncoding.DecodeString(text)
	}
	return nil, fmt.Errorf("its encoding %.20q is not base64", encoding)
}

func harHeaders(list []harHeader) http.Header {
	out := http.Header{}
	for _, h := range list {
		if !strings.HasPrefix(h.Name, ":") { // of HTTP/2, no header
			out.Add(h.Name, h.Value)
		}
	}
	return out
}
