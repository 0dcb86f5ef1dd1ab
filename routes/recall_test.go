package routes

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestRecalledMatchIsTheMatch recalls everything, only hashes, or nothing of
// random requests: what is known must be what Match says.
func TestRecalledMatchIsTheMatch(t *testing.T) {
	t.Parallel()
	d := &dice{random: rand.New(rand.NewPCG(77, 9))}
	known, hashed, unknown := 0, 0, 0
	for range 300 {
		doc := &Document{Routes: d.routes(12)}
		table, problems := Compile(doc)
		if problems.Err() != nil {
			t.Fatal(problems)
		}
		for range 20 {
			r := d.valued()
			want := table.Match(r)
			whole := func(s Source) Recalled { return Recalled{Known: true, Value: s.Read(r)} }
			hash := func(s Source) Recalled {
				v := s.Read(r)
				text := v.Text
				v.Text = ""
				return Recalled{Known: true, Value: v, Is: func(other string) bool { return other == text }}
			}
			bare := Request{Method: r.Method, Host: r.Host, Path: r.Path, RawPath: r.RawPath}
			if got, missing := table.MatchRecalled(&bare, whole); missing != nil || got != want {
				t.Fatalf("%+v: recalled %+v, %v; was %+v", r, got, missing, want)
			}
			known++
			if got, missing := table.MatchRecalled(&bare, hash); missing == nil {
				hashed++
				if got != want {
					t.Fatalf("%+v: by hashes %+v, was %+v", r, got, want)
				}
			}
			if got, missing := table.MatchRecalled(&bare, func(Source) Recalled { return Recalled{} }); missing != nil {
				unknown++
			} else if got != want {
				t.Fatalf("%+v: without values %+v, was %+v", r, got, want)
			}
		}
	}
	if hashed < known/4 || hashed == known || unknown < known/10 {
		t.Errorf("of %d requests %d were known by hashes and %d unknown without values: the test proves little", known, hashed, unknown)
	}
}

func TestSourcesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	table := compile(t, &Route{Match: "/", When: When{
		Headers: map[string]Condition{"X-Tenant": {Exact, "7"}}, Query: map[string]Condition{"v": {Exact, "2"}}, Cookies: map[string]Condition{"beta": {Present, ""}},
	}})
	all := make([]string, 0, 3)
	for _, s := range table.Sources() {
		all = append(all, s.String())
	}
	if len(all) != 3 || all[0] != "header X-Tenant" || all[1] != "parameter v" || all[2] != "cookie beta" {
		t.Error(all)
	}
}

func TestDecideRecalledIsDecide(t *testing.T) {
	t.Parallel()
	entry := compile(t, &Route{Match: "/", Service: "s"}).Routes()[0]
	for _, share := range []PPM{0, 1, One / 2, One} {
		for _, key := range []string{"", "a", "b", "c"} {
			f := Facts{Match: Match{Entry: entry}, State: State{Known: true, Share: share, Salt: "salt"}, Key: key}
			bucket := NoBucket
			if key != "" {
				bucket = Bucket("salt", key)
			}
			want := Decide(f, time.Time{})
			f.Key = ""
			if got := DecideRecalled(f, bucket, time.Time{}); got != want {
				t.Errorf("share %v, key %q: %+v, want %+v", share, key, got, want)
			}
		}
	}
}
