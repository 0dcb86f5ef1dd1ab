package caddymodule

import (
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// What stands in a block makes the trigger's SQL, or is refused with what is wrong
// and without a secret.
func TestWhatIsListenedTo(t *testing.T) {
	const (
		django  = "django {\n secret_key k\n "
		laravel = "laravel {\n app_key kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\n "
		rails   = "rails {\n secret_key_base k\n database postgres://u:S3CR3T@db/x\n "
		in      = "postgres://u:S3CR3T@db/x"
	)
	t.Setenv("TEST_LISTEN", "postgres://u:S3CR3T@primary/x")
	for block, want := range map[string]string{
		django + "engine db " + in:                                       "",
		django + "engine db " + in + "\n listen":                         `DELETE ON "django_session" FOR EACH ROW`,
		django + "engine db " + in + " web.session\n listen ended":       `EXECUTE FUNCTION ended('ended')`,
		django + "engine db " + in + "\n listen ended {env.TEST_LISTEN}": `AFTER TRUNCATE ON`,
		laravel + "store database " + in + "\n listen":                   `UPDATE ON "sessions" FOR EACH ROW`,
		laravel + "store database " + in + " office.login\n listen":      `ON "office"."login"`,
		rails + "store records\n listen":                                 `(OLD."id", OLD."user_id")`,
	} {
		if got, err := triggerOf(t, block); err != nil || !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %v\n%s\nwant %s", block, err, got, want)
		}
	}
	for block, want := range map[string]string{
		django + "engine db " + in + "\n listen a b c":                           "3 words are behind it; write: listen [<channel> [<database url>]], at Testfile:4",
		django + "engine cache redis://x\n database " + in + "\n listen":         "only a table of sessions has a trigger",
		django + "engine cached_db " + in + " redis://x\n listen":                "only a table of sessions has a trigger",
		laravel + "store file /tmp\n listen":                                     "only a table of sessions has a trigger",
		rails + "cookie c\n listen":                                              "only a table of sessions has a trigger",
		django + "engine db mysql://u:S3CR3T@db/x\n listen":                      "listen: only PostgreSQL tells",
		laravel + "store database sqlite:///x\n listen":                          "listen: only PostgreSQL tells",
		django + "engine db " + in + "\n listen Ended":                           `listen: "Ended": no name of a channel`,
		django + "engine db " + in + "\n listen ended mysql://u:S3CR3T@db/x":     "listen: database URL",
		django + "engine db " + in + "\n listen ended {env.TEST_LISTEN_NOWHERE}": "TEST_LISTEN_NOWHERE",
	} {
		if _, err := triggerOf(t, block); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "S3CR3T") {
			t.Errorf("%s: %v; want %s", block, err, want)
		}
	}
}

// triggerOf reads a block of a format, which it closes, and opens it.
func triggerOf(t *testing.T, block string) (sql string, err error) {
	t.Helper()
	d := caddyfile.NewTestDispenser(block + "\n}")
	name, _, _ := strings.Cut(block, " ")
	format := map[string]SessionFormat{"django": new(DjangoSessions), "laravel": new(LaravelSessions), "rails": new(RailsSessions)}[name]
	if err := format.UnmarshalCaddyfile(d); err != nil {
		return "", err
	}
	if err := format.(caddy.Provisioner).Provision(caddy.Context{}); err != nil {
		return "", err
	}
	opened, err := format.Open(time.Now)
	if err != nil {
		return "", err
	}
	if told := opened.Watch.Events != nil; told != (opened.Trigger != "") {
		t.Errorf("%s: events: %v, trigger: %s", block, told, opened.Trigger)
	}
	return opened.Trigger, opened.Close()
}
