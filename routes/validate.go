package routes

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxName is how many characters a name may have: names are labels of metrics.
const maxName = 63

// isName reports whether s may name a target, a route or a cohort.
func isName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
		case (c == '-' || c == '_') && i > 0:
		default:
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// name reads a name; empty when it is not good.
func (p *parser) name(n *yaml.Node, what string) string {
	text, ok := p.text(n, what)
	if !ok {
		return ""
	}
	if !isName(text) {
		p.add(resolve(n), codeBadName, text, what+": not a name",
			fmt.Sprintf("at most %d lower-case letters, digits, - and _, the first a letter or digit", maxName))
		return ""
	}
	return text
}

// dataName is a table, a schema.table, a collection, as databases write them.
var dataName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)

// data reads the name of data that a route writes.
func (p *parser) data(n *yaml.Node, what string) string {
	text, ok := p.text(n, what)
	if !ok {
		return ""
	}
	if !dataName.MatchString(text) {
		p.add(resolve(n), codeBadName, text, what+": not a name",
			fmt.Sprintf("at most %d letters, digits, -, _ and ., the first a letter or digit", maxName))
		return ""
	}
	return text
}

// line reads a text that is not empty.
func (p *parser) line(n *yaml.Node, what string) string {
	text, ok := p.text(n, what)
	if ok && strings.TrimSpace(text) == "" {
		p.add(resolve(n), codeBadText, "", what+" is empty", "write a value, or leave the field out")
	}
	return text
}

// webAddress reads a URL that people open.
func (p *parser) webAddress(n *yaml.Node, what string) string {
	text, ok := p.text(n, what)
	if !ok {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || scheme(text) != "http" && scheme(text) != "https" || u.Host == "" {
		p.add(resolve(n), codeBadURL, text, what+" is not a web address", "https://HOST/…")
	}
	return text
}

// Bounds of durations. Below a millisecond nothing answers; a day is for ever,
// but for a step of a rollout.
const (
	minDuration = time.Millisecond
	maxDuration = 24 * time.Hour
	maxStep     = 30 * 24 * time.Hour
)

var durationText = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`)

// duration reads a duration of at most longest, in whole hours; zero when it is
// not good.
func (p *parser) duration(n *yaml.Node, what string, longest time.Duration) time.Duration {
	hint := fmt.Sprintf("a number and a unit, 1ms to %dh: 500ms, 2s, 1m30s", int(longest.Hours()))
	n = resolve(n)
	if n.Tag == "!!int" || n.Tag == "!!float" {
		p.add(n, codeBadDuration, n.Value, what+" has no unit", hint)
		return 0
	}
	text, ok := p.text(n, what)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || !durationText.MatchString(text) || d < minDuration || d > longest {
		p.add(n, codeBadDuration, text, what+" is not a duration that can be used", hint)
		return 0
	}
	return d
}

// flagName is the key of a flag, as providers write them.
var flagName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_./:-]{0,99}$`)

// flagKey reads the key of a flag; empty when it is not good.
func (p *parser) flagKey(n *yaml.Node, what string) string {
	text, ok := p.text(n, what)
	if !ok {
		return ""
	}
	if !flagName.MatchString(text) {
		p.add(resolve(n), codeBadName, text, what+": not a key",
			"at most 100 letters, digits, -, _, ., / and :, the first a letter or digit")
		return ""
	}
	return text
}

// header reads the name of a header of answers; empty when it is not good.
func (p *parser) header(n *yaml.Node, what string) string {
	text, ok := p.text(n, what)
	if !ok {
		return ""
	}
	if !isToken(text) {
		p.add(resolve(n), codeBadName, text, what+": this cannot be the name of a header", "such as X-Version")
		return ""
	}
	return http.CanonicalHeaderKey(text)
}

// maxURLs is how many URLs a target may have.
const maxURLs = 64

// urls reads one URL or a list of them.
func (p *parser) urls(n *yaml.Node) []string {
	if n = resolve(n); n.Kind == yaml.ScalarNode {
		return []string{p.url(n, "url")}
	}
	if n.Kind != yaml.SequenceNode {
		p.wrongType(n, "url", "a text or a list")
		return nil
	}
	urls := p.distinct(n, "url", (*parser).url)
	if len(n.Content) == 0 {
		p.add(n, codeBadURL, "", "url is an empty list", "leave url out when the site serves the target")
	}
	if len(urls) > maxURLs {
		p.add(n, codeBadURL, "", fmt.Sprintf("%d URLs of one target", len(urls)), fmt.Sprintf("at most %d", maxURLs))
	}
	for _, text := range urls {
		if scheme(text) != scheme(urls[0]) {
			p.add(n, codeMixedSchemes, text, "the URLs of a target have different schemes", "all "+scheme(urls[0])+", or two targets")
		}
	}
	return urls
}

func scheme(text string) string {
	word, _, _ := strings.Cut(text, ":")
	return word
}

// url reads the address of a target; empty when it is not good.
func (p *parser) url(n *yaml.Node, what string) string {
	text, ok := p.text(n, what)
	if !ok {
		return ""
	}
	if err := checkTargetURL(text); err != nil {
		p.add(resolve(n), codeBadURL, text, what+": "+err.Error(), "http://HOST:PORT, https://…, h2c://… or unix:///PATH")
		return ""
	}
	return text
}

// checkTargetURL accepts scheme and host, or the path of a socket. A path would
// change what every route asks for, and belongs into its rewrite.
func checkTargetURL(text string) error {
	if !strings.Contains(text, "://") {
		return errors.New("the scheme is missing")
	}
	u, err := url.Parse(text)
	if err != nil {
		var detail *url.Error
		if errors.As(err, &detail) {
			err = detail.Err
		}
		return err
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#") {
		return errors.New("user, query and fragment have no place here")
	}
	switch scheme(text) {
	case "unix":
		if u.Host != "" || len(u.Path) < 2 {
			return errors.New("a socket has an absolute path: unix:///run/service.sock")
		}
		return nil
	case "http", "https", "h2c":
		return checkHost(u)
	default:
		return fmt.Errorf("the scheme %q is not known", scheme(text))
	}
}

// checkHost accepts a host, with a port or not, and nothing behind it.
func checkHost(u *url.URL) error {
	if u.Hostname() == "" {
		return errors.New("the host is missing")
	}
	if port, err := strconv.Atoi(u.Port()); u.Port() != "" && (err != nil || port < 1 || port > 65535) {
		return errors.New("a port is 1 to 65535")
	}
	if u.Path != "" && u.Path != "/" {
		return errors.New("a target has no path; a route's rewrite changes paths")
	}
	return nil
}

// routeMethod refuses what no request to a route has as its method.
func routeMethod(method string) error {
	if method == http.MethodConnect {
		return errors.New("CONNECT is refused before routes are asked")
	}
	return checkMethod(method)
}

// headerName is the canonical name of a header that conditions can test.
func headerName(name string) (string, error) {
	if !isToken(name) {
		return "", errors.New("this cannot be the name of a header")
	}
	name = http.CanonicalHeaderKey(name)
	if why := unusableHeaders[name]; why != "" {
		return "", errors.New(why)
	}
	return name, nil
}

func cookieName(name string) (string, error) {
	if !isToken(name) {
		return "", errors.New("this cannot be the name of a cookie")
	}
	return name, nil
}

func parameterName(name string) (string, error) {
	if name == "" {
		return "", errors.New("a query parameter has a name")
	}
	return name, nil
}
