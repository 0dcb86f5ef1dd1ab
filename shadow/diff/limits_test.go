package diff

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestLimitsAreNeverEqual(t *testing.T) {
	t.Parallel()
	deep := func(open, end string, n int) string { return strings.Repeat(open, n) + strings.Repeat(end, n) }
	many := "[" + strings.Repeat("0,", 1000) + "0]"
	for name, test := range map[string]struct {
		contentType, a, b string
		limits            Limits
		want              Reason
	}{
		"bytes":      {"text/plain", "aaaa", "bbbb", Limits{Bytes: 3}, TooLarge},
		"JSON depth": {"application/json", deep("[", "]", 100_000), "[]", Limits{}, TooDeep},
		"XML depth":  {"text/xml", deep("<a>", "</a>", 1000), "<a/>", Limits{}, TooDeep},
		"HTML depth": {"text/html", deep("<div>", "</div>", 1000), "<a>", Limits{}, TooDeep},
		"HTML nodes": {"text/html", "<p>" + attributed(400) + "</p>" + strings.Repeat("<p>x", 2000), "<a>", Limits{}, TooManyNodes},
		"HTML nodes behind ignored end tags": {"text/html", "<p>" + attributed(400) + "</p><table><td>" + strings.Repeat("</b>", 400) +
			"</table>" + strings.Repeat("<p>x", 2000), "<a>", Limits{}, TooManyNodes},
		"nodes": {"application/json", many, "[]", Limits{Nodes: 100}, TooManyNodes},
		"work":  {"application/json", many, strings.Replace(many, "0]", " 0]", 1), Limits{Work: 100}, TooMuchWork},
	} {
		c := comparer(t, Options{Limits: test.limits})
		for _, pair := range [][2]string{{test.a, test.b}, {test.b, test.a}} {
			got := c.Compare(answer(test.contentType, pair[0]), answer(test.contentType, pair[1]), now)
			if got.Verdict != NotComparable || got.Reason != test.want {
				t.Errorf("%s: %v", name, found(got))
			}
		}
		if got := c.Compare(answer(test.contentType, test.a), answer(test.contentType, test.a), now); got.Verdict != Equal {
			t.Errorf("%s: the same bytes are the same beyond any limit: %v", name, found(got))
		}
	}
	cut := answer("application/json", `{}`)
	cut.Truncated = true
	if got := comparer(t, Options{}).Compare(cut, cut, now); got.Verdict != NotComparable || got.Reason != Truncated {
		t.Errorf("truncated: %v", found(got))
	}
}

func TestDifferencesAreCounted(t *testing.T) {
	t.Parallel()
	a, b := "["+strings.Repeat("0,", 1000)+"0]", "["+strings.Repeat("1,", 1000)+"1]"
	got := comparer(t, Options{}).Compare(answer("application/json", a), answer("application/json", b), now)
	if got.Total != 1001 || len(got.Differences) != 100 {
		t.Errorf("%d, %d kept", got.Total, len(got.Differences))
	}
}

// TestHardCasesEnd holds bodies that cost others quadratic time or worse: each
// ends by its work, not by anyone's patience.
func TestHardCasesEnd(t *testing.T) {
	t.Parallel()
	nest := func(inner string) string { return strings.Repeat("[1,", 190) + inner + strings.Repeat(",2]", 190) }
	lists := func(n int) string { return "[" + strings.Repeat("[1,2],[2,1],", n) + "0]" }
	rules := []Rule{rule("$..*", "tolerance", "0.1"), rule("$..a..b", "ignore", ""), rule("$..x", "unordered", "")}
	attributes := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("a" + strconv.Itoa(i) + " ")
		}
		return b.String()
	}
	for name, pair := range map[string][3]string{
		"reordered at every depth": {"application/json", nest("[1,2]"), strings.ReplaceAll(nest("[2,1]"), "[1,", "[3,")},
		"many small lists":         {"application/json", lists(20_000), strings.Replace(lists(20_000), "[1,2]", "[2,1]", 9999)},
		"comments in XML text":     {"text/xml", "<a>" + strings.Repeat("x<!---->", 100_000) + "</a>", "<a>x</a>"},
		"many attributes":          {"text/html", "<a " + attributes(20_000) + ">", "<a " + attributes(19_999) + ">"},
		"formatting elements":      {"text/html", strings.Repeat("<b><p>", 200), strings.Repeat("<b><i>", 200)},
	} {
		for _, r := range [][]Rule{nil, rules} {
			c := comparer(t, Options{Rules: r, Presets: []string{"django", "drf"}})
			got := c.Compare(answer(pair[0], pair[1]), answer(pair[0], pair[2]), now)
			if got.Verdict == Equal || got.Reason == ParserFailed {
				t.Errorf("%s: %v", name, got.Verdict)
			}
		}
	}
}

// attributed is n formatting elements that are left open, no two of which are
// the same.
func attributed(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("<b a" + strconv.Itoa(i) + ">")
	}
	return b.String()
}

// TestGrowthIsAnUpperBound holds the estimate against what the parser makes.
func TestGrowthIsAnUpperBound(t *testing.T) {
	t.Parallel()
	parts := []string{"<p>", "</p>", "<b>", "<b a>", "<i b>", "</b>", "</i>", "<table>", "<td>", "</td>", "</table>", "x", "<div>", "</div>", "<a>", "</a>", "<button>", "</button>", "<select>", "</select>", "<svg>", "</svg>", "<object>", "</object>", "<template>", "</template>", "<caption>"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var page strings.Builder
		for range random.IntN(200) {
			page.WriteString(parts[random.IntN(len(parts))])
		}
		document, err := html.Parse(strings.NewReader(page.String()))
		if err != nil {
			continue
		}
		nodes := 0
		for range document.Descendants() {
			nodes++
		}
		// html, head and body, and a tbody and tr per table, come by themselves.
		if implied := 3 + 3*strings.Count(page.String(), "<t"); !growsBeyond(page.String(), nodes-implied-1) {
			t.Fatalf("%d nodes in %s", nodes, page.String())
		}
	}
}
