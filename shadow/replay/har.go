package replay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
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
	Request struct {
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

// ReadHAR reads the exchanges of a HAR file. Entries that have no answer (aborted,
// or from a cache) are left out, and counted. An error names the entry.
func ReadHAR(from io.Reader) (all []Exchange, without int, err error) {
	data, err := io.ReadAll(io.LimitReader(from, MaxBytes+1))
	if err != nil {
		return nil, 0, err
	}
	if len(data) > MaxBytes {
		return nil, 0, fmt.Errorf("the HAR file is larger than %d MiB; export fewer requests", MaxBytes>>20)
	}
	var file har
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &file); err != nil {
		return nil, 0, fmt.Errorf("no HAR file: %w", err)
	}
	if file.Log == nil {
		return nil, 0, fmt.Errorf("no HAR file: it has no log")
	}
	if len(file.Log.Entries) > MaxExchanges {
		return nil, 0, fmt.Errorf("the HAR file has %d entries, %d at most are read", len(file.Log.Entries), MaxExchanges)
	}
	for i := range file.Log.Entries {
		entry := &file.Log.Entries[i]
		if entry.Response.Status < 100 {
			without++
			continue
		}
		x, err := entry.exchange()
		if err != nil {
			return nil, 0, fmt.Errorf("entry %d of the HAR file: %w", i+1, err)
		}
		x.Name = fmt.Sprintf("entry %d", i+1)
		all = append(all, x)
	}
	return all, without, nil
}

func (e *harEntry) exchange() (x Exchange, err error) {
	target, err := url.Parse(e.Request.URL)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return x, fmt.Errorf("its url is none of http or https") // without it: it may hold a secret
	}
	x = Exchange{Method: e.Request.Method, Target: target.RequestURI(), Host: target.Host, Header: harHeaders(e.Request.Headers)}
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
