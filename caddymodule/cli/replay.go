package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow/replay"
)

// replayFlags say what is replayed and how.
type replayFlags struct {
	target, against, host     string
	table, route              string
	values, headers           []string
	unsafe, credentials, show bool
	failing                   bool
	concurrency               int
	timeout                   time.Duration
}

func shadowReplay() *cobra.Command {
	var f replayFlags
	cmd := command("replay SOURCE", "Asks a service again what the monolith was asked, and compares",
		"Asks a service again what the monolith was asked, and compares. No running server is needed. SOURCE is\n"+
			"- cases: a file or folder that shadow export wrote;\n"+
			"- FILE.har: a HAR 1.2 file, as browsers export them; what is no HTTP (wss:, data:, blob:) is left out, and what is of other hosts than the first one's (or --host's);\n"+
			"- a folder of recorded messages: NNN.request.http and NNN.response.http, each an HTTP/1.1 message.\n"+
			"With --against, SOURCE says only what to ask, and the answers of two targets are compared.\n\n"+
			"Only GET, HEAD and OPTIONS are sent without --unsafe. Of headers only those are sent that say what a client can read ("+strings.Join(replay.Sent(), ", ")+"),\n"+
			"and no cookie or other credentials without --send-credentials. Values are printed as type:size:hash without --show-values.\n"+
			"A case compares what is kept: of redacted values only the types. Interrupt (Ctrl-C) prints what was done.\n\n"+
			"It ends with 0 also when answers differ, but with --fail-on-difference (3); with 4 when the target answered no request, and with 1 when none could be sent.",
		cobra.ExactArgs(1), func(ctx context.Context, t *terminal, args []string) error {
			return f.run(ctx, t, args[0])
		})
	flags := cmd.Flags()
	flags.StringVar(&f.target, "target", "", "the `URL` of the service to ask; required")
	flags.StringVar(&f.against, "against", "", "compare with what this `URL` answers, instead of what SOURCE says")
	flags.StringVar(&f.table, "routes", "", "the route table whose rules are used, with --route")
	flags.StringVar(&f.route, "route", "", "compare as this `route` of --routes does, and send only what it matches (default: as each case says, else by no rule)")
	flags.StringVar(&f.host, "host", "", "of a HAR file, only what was asked of this `host` (default: the first entry's)")
	flags.StringArrayVar(&f.values, "value", nil, placeholderUsage)
	flags.StringArrayVar(&f.headers, "header", nil, "`'Name: value'`: a header to add to each request; may be repeated")
	flags.BoolVar(&f.unsafe, "unsafe", false, "also send methods that may change something")
	flags.BoolVar(&f.credentials, "send-credentials", false, "also send cookies, Authorization and all other headers that SOURCE has")
	flags.BoolVar(&f.show, "show-values", false, "print the values that differ")
	flags.BoolVar(&f.failing, "fail-on-difference", false, "end with exit code 3 unless all that was to be sent was compared and is equal")
	flags.IntVar(&f.concurrency, "concurrency", 4, "how many requests are asked at once, 1 to 256")
	flags.DurationVar(&f.timeout, "timeout", 30*time.Second, "how long one request may take")
	cmd.Example = `  strangler shadow replay cases --target http://127.0.0.1:8101 --value id=1 --fail-on-difference
  strangler shadow replay session.har --target http://127.0.0.1:8101 --route faq-read --routes routes.yaml
  strangler shadow replay session.har --target http://127.0.0.1:8101 --against http://127.0.0.1:8000`
	return cmd
}

func (f *replayFlags) run(ctx context.Context, t *terminal, name string) error {
	options, values, err := f.options()
	if err != nil {
		return err
	}
	var table *routes.Table
	if f.route != "" {
		if table, err = f.compare(&options); err != nil {
			return err
		}
	}
	source, err := replay.Read(name, values, f.against == "")
	if err != nil {
		return err
	}
	noteUnused(t, values, source.Placeholders)
	exchanges, left := f.choose(table, source.Exchanges)
	if len(exchanges) == 0 {
		return f.nothing(name, source.Exchanges)
	}
	stop := progress(t, &options, len(exchanges))
	result, err := replay.Run(ctx, options, exchanges)
	stop()
	if err != nil {
		return err
	}
	if t.json {
		err = t.printJSON(result)
	} else {
		err = replay.Text(t.out, result, t.colour)
		f.hints(t, result, left, source)
	}
	if err != nil {
		return err
	}
	return f.ended(result)
}

// hints say what was left out, and the way out of what could not be compared.
func (f *replayFlags) hints(t *terminal, r *replay.Result, left int, source *replay.Source) {
	for _, one := range []struct {
		n   int
		why string
	}{{left, "of other hosts or routes"}, {source.Without, "without an answer"}, {source.Foreign, "not of HTTP (wss:, data:, blob: and such)"}} {
		if one.n > 0 {
			t.problem("note", fmt.Sprintf("left out: %d %s", one.n, one.why))
		}
	}
	if r.Verdicts[replay.Undecided] > 0 {
		t.problem("hint", "to see these values, name their paths in the route's shadow (clear: [$.path]), and export again when it came again")
	}
	if r.Verdicts[replay.SkippedIncomplete] > 0 {
		t.problem("hint", "fill placeholders with --value NAME=VALUE; to keep them, add to the route's shadow clear: [request.path] or [request.query.NAME]")
	}
	if len(r.Signatures) > 0 && !f.show {
		t.problem("hint", "values are shown with --show-values")
	}
}

func (f *replayFlags) options() (o replay.Options, values map[string]string, err error) {
	o = replay.Options{
		Header: http.Header{}, Unsafe: f.unsafe, Credentials: f.credentials, Values: f.show,
		Concurrency: f.concurrency, Timeout: f.timeout, Now: time.Now,
	}
	if f.target == "" {
		return o, nil, usage("--target URL is required: whom to ask")
	}
	if (f.route == "") != (f.table == "") {
		return o, nil, usage("--route NAME and --routes FILE belong together")
	}
	if f.concurrency < 1 || f.concurrency > 256 {
		return o, nil, usage("--concurrency %d is not 1 to 256", f.concurrency)
	}
	if f.timeout <= 0 {
		return o, nil, usage("--timeout %v is no time", f.timeout)
	}
	if o.Target, err = targetURL("--target", f.target); err != nil {
		return o, nil, err
	}
	if f.against != "" {
		if o.Against, err = targetURL("--against", f.against); err != nil {
			return o, nil, err
		}
	}
	for _, text := range f.headers {
		name, value, found := strings.Cut(text, ":")
		if !found || strings.ContainsAny(text, "\r\n") || strings.TrimSpace(name) == "" {
			return o, nil, usage("--header must be 'Name: value'")
		}
		o.Header.Add(textproto.TrimString(name), textproto.TrimString(value))
	}
	values, err = placeholderValues(f.values)
	return o, values, err
}

func targetURL(flag, text string) (*url.URL, error) {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.RawQuery != "" {
		return nil, usage("%s %q is no URL of a server; write http://HOST:PORT", flag, text)
	}
	return parsed, nil
}

// progress shows how far it is, on a terminal.
func progress(t *terminal, o *replay.Options, n int) (stop func()) {
	file, ok := t.err.(*os.File)
	if !ok || t.json || !isatty.IsTerminal(file.Fd()) {
		return func() {}
	}
	bar := progressbar.NewOptions(n, progressbar.OptionSetWriter(file), progressbar.OptionShowCount(),
		progressbar.OptionSetDescription("replaying"), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	o.Done = func(replay.Outcome) { _ = bar.Add(1) } // a bar that cannot be drawn is none
	return func() { _ = errors.Join(bar.Finish(), bar.Clear()) }
}
