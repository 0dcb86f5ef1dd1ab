package diff

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"
)

func TestLinesOfJSON(t *testing.T) {
	t.Parallel()
	runComparisons(t, "application/x-ndjson", []comparison{
		{"by value", "{\"a\":1}\n{\"b\":2}\n", "{\"a\":1.0}\r\n\n{ \"b\":2 }", "equal", nil},
		{"one differs", "{\"a\":1}\n{\"b\":2}\n", "{\"a\":1}\n{\"b\":3}\n", "different; $[1].b value 2|3", nil},
		{"two on a line", "1 2", "1\n2", "different; $ type |", nil},
	})
}

func TestXMLIsComparedByWhatItSays(t *testing.T) {
	t.Parallel()
	runComparisons(t, "application/atom+xml", []comparison{
		{"attributes, prefixes, space, comments", `<?xml version="1.0"?><a:f xmlns:a="urn:x" b="1" c="2"><a:e>t</a:e></a:f>`,
			"<f xmlns='urn:x' c='2' b='1'>\n  <!-- c --><e><![CDATA[t]]></e>\n</f>", "equal", nil},
		{"namespace", `<f xmlns="urn:x"/>`, `<f xmlns="urn:y"/>`, "different; $.f[0].@xmlns value urn:x|urn:y", nil},
		{"attribute namespace", `<f xmlns:p="urn:x" p:a="1"/>`, `<f a="1"/>`, "different; $.f[0].@a extra |1; $.f[0]['@{urn:x}a'] missing 1|", nil},
		{"text", `<f><e>1</e></f>`, `<f><e>2</e></f>`, "different; $.f[0].e[0].#text[0] value 1|2", nil},
		{"space between words is text", `<f><b>a</b> <b>b</b> c</f>`, `<f><b>a</b><b>b</b> c</f>`, "different; $.f[0] length |", nil},
		{"space alone is text", `<f> </f>`, `<f></f>`, "different; $.f[0] length |", nil},
		{"another element", `<f><e/></f>`, `<f><g/></f>`, "different; $.f[0][0] type e|g", nil},
		{"moved elements", `<f><e/><g/></f>`, `<f><g/><e/></f>`, "different; $.f[0] order |", nil},
		{"space that is kept", `<f xml:space="preserve"><g><e/></g></f>`, `<f xml:space="preserve"><g> <e/></g></f>`, "different; $.f[0].g[0] length |", nil},
		{"a prefix of no namespace", `<p:f/>`, `<f xmlns="p"/>`, "different; $ value |", nil},
		{"unordered by rule", `<f><e/><g/></f>`, `<f><g/><e/></f>`, "equal_by_rule", []Rule{rule("$.f", "unordered", "")}},
		{"ignored attribute", `<f><e id="1"/></f>`, `<f><e id="2"/></f>`, "equal_by_rule", []Rule{rule("$.f.e.@id", "ignore", "")}},
		{"broken", `<f><e></f>`, `<f/>`, "different; $ type |", nil},
		{"another charset", "<?xml version='1.0' encoding='ISO-8859-1'?><f>\xe9</f>", "<f>é</f>", "equal", nil},
	})
}

func TestSpaceBetweenElementsOfXHTMLIsText(t *testing.T) {
	t.Parallel()
	runComparisons(t, "application/xhtml+xml", []comparison{
		{"inline", `<p><b>a</b> <b>b</b></p>`, `<p><b>a</b><b>b</b></p>`, "different; $.p[0] length |", nil},
	})
}

func TestHTMLIsComparedAsABrowserReadsIt(t *testing.T) {
	t.Parallel()
	runComparisons(t, "text/html; charset=utf-8", []comparison{
		{"spelling", "<!DOCTYPE html><html><head><title>T</title></head><body><p class=a id=b>x &amp; y</p></body></html>",
			"<!doctype html>\n<title>T</title>\n<!-- c -->\n<P id='b' class=\"a\">\n  x\n &#38; y </P>\n\n", "equal", nil},
		{"space between inline elements", `<p><b>a</b> <b>b</b></p>`, `<p><b>a</b><b>b</b></p>`, "different; $.html[0].body[1].p[0] length |", nil},
		{"space between blocks", "<ul><li>a</li>\n<li>b</li>\n</ul>", `<ul><li>a</li><li>b</li></ul>`, "equal", nil},
		{"space in pre", "<pre>a  b</pre>", `<pre>a b</pre>`, "different; $.html[0].body[1].pre[0].#text[0] value a  b|a b", nil},
		{"text", `<p>a<p>b`, `<p>a<p>c`, "different; $.html[0].body[1].p[1].#text[0] value b|c", nil},
		{"attribute", `<a href="/x">a</a>`, `<a href="/y">a</a>`, "different; $.html[0].body[1].a[0].@href value /x|/y", nil},
		{"boolean attribute", `<input disabled>`, `<input disabled="">`, "equal", nil},
		{"no-break space is text", "<p>a\u00a0b", "<p>a b", "different; $.html[0].body[1].p[0].#text[0] value a\u00a0b|a b", nil},
	})
}

func TestFormsAndText(t *testing.T) {
	t.Parallel()
	runComparisons(t, "application/x-www-form-urlencoded", []comparison{
		{"order of names", "a=1&b=2+3", "b=2%203&a=1", "equal", nil},
		{"order of values", "a=1&a=2", "a=2&a=1", "different; $.a value 1|2; $.a value 2|1", nil},
		{"malformed", "a=%zz", "a=1", "different; $ type |", nil},
	})
	runComparisons(t, "text/csv", []comparison{
		{"line", "a,b\n1,2\n", "a,b\n1,3\n", "different; $[1] value 1,2\n|1,3\n", nil},
		{"inserted line", "a\nb\nc\n", "a\nx\nb\nc\n", "different; $ length |", nil},
	})
	runComparisons(t, "image/png", []comparison{{"bytes", "\x89PNG1", "\x89PNG2", "different; $ value |", nil}})
}

func TestMultipartIsComparedByPart(t *testing.T) {
	t.Parallel()
	body := func(boundary, price string) Answer {
		text := "--B\r\nContent-Type: application/json\r\nContent-ID: 1\r\n\r\n{\"p\":" + price + "}\r\n" +
			"--B\r\ncontent-disposition: attachment\r\n\r\n\x00\x01\r\n--B--\r\n"
		return answer("multipart/mixed; boundary="+boundary, strings.ReplaceAll(text, "--B", "--"+boundary))
	}
	c := comparer(t, Options{})
	if got := found(c.Compare(body("one", "1"), body("two", "1.0"), now)); got[0] != "equal" {
		t.Error(got)
	}
	if got := found(c.Compare(body("one", "1"), body("two", "2"), now)); len(got) != 2 || got[1] != "$[0].body.p value 1|2" {
		t.Error(got)
	}
}

func frame(message []byte) string {
	return string(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))) + string(message)
}

func TestProtobufIsComparedByField(t *testing.T) {
	t.Parallel()
	one := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 7)
	two := protowire.AppendString(protowire.AppendTag(nil, 2, protowire.BytesType), "a name")
	other := protowire.AppendString(protowire.AppendTag(nil, 2, protowire.BytesType), "no name")
	nest := func(parts ...[]byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), bytes.Join(parts, nil))
	}
	join := func(parts ...[]byte) string { return string(bytes.Join(parts, nil)) }
	runComparisons(t, "application/x-protobuf", []comparison{
		{"order of fields", join(one, two), join(two, one), "equal", nil},
		{"value", join(one, two), join(one, other), "different; $.#2 value |", nil},
		{"nested value", join(nest(one, two)), join(nest(one, other)), "different; $.#3.#2 value |", nil},
		{"nested order may be text", join(nest(one, two)), join(nest(two, one)), "different; $.#3 order |", nil},
		{"missing", join(one, two), join(two), "different; $.#1 missing 7|", nil},
	})
	runComparisons(t, "application/grpc+proto", []comparison{
		{"frames", frame(one) + frame(two), frame(one) + frame(other), "different; $[1].#2 value |", nil},
		{"one frame less", frame(one) + frame(two), frame(one), "different; $ length |", nil},
		{"cut frame", frame(one), frame(one)[:5], "different; $ type |", nil},
	})
}

func compress(tb testing.TB, name string, body []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch name {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "br":
		w = brotli.NewWriter(&out)
	case "deflate":
		w = zlib.NewWriter(&out)
	case "bare deflate":
		w, _ = flate.NewWriter(&out, 5)
	case "zstd":
		w, _ = zstd.NewWriter(&out)
	}
	if _, err := w.Write(body); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func encoded(tb testing.TB, name, contentType string, body []byte) Answer {
	tb.Helper()
	a := answer(contentType, string(compress(tb, name, body)))
	a.Header.Set("Content-Encoding", strings.TrimPrefix(name, "bare "))
	return a
}

var encodings = []string{"gzip", "br", "deflate", "bare deflate", "zstd"}

func TestContentEncodingsAreTakenOff(t *testing.T) {
	t.Parallel()
	c := comparer(t, Options{})
	plain := answer("application/json", `{"a":1}`)
	for _, name := range encodings {
		if got := c.Compare(plain, encoded(t, name, "application/json", []byte(`{"a":1.0}`)), now); got.Verdict != Equal || got.Format != "json" {
			t.Errorf("%s: %+v", name, got)
		}
		if got := found(c.Compare(encoded(t, name, "application/json", []byte(`{"a":2}`)), plain, now)); len(got) != 2 || got[1] != "$.a value 2|1" {
			t.Errorf("%s: %v", name, got)
		}
		broken := encoded(t, name, "application/json", []byte(`{"a":1}`))
		broken.Body = broken.Body[:len(broken.Body)/2]
		if got := c.Compare(plain, broken, now); got.Verdict != Different || got.Differences[0].Service.Type != "malformed_json" {
			t.Errorf("%s, cut: %+v", name, got)
		}
	}
	twice := encoded(t, "gzip", "application/json", compress(t, "br", []byte(`{"a":1}`)))
	twice.Header.Set("Content-Encoding", "br, gzip")
	if got := c.Compare(plain, twice, now); got.Verdict != Equal {
		t.Errorf("two encodings: %+v", got)
	}
	same := answer("application/json", string(twice.Body))
	if got := c.Compare(twice, same, now); got.Verdict != Different {
		t.Errorf("the same bytes under another encoding: %+v", got)
	}
}

func TestBombsAreNotComparable(t *testing.T) {
	t.Parallel()
	c := comparer(t, Options{})
	zeros := bytes.Repeat([]byte(" "), 64<<20)
	for _, name := range encodings {
		got := c.Compare(answer("application/json", `{"a":1}`), encoded(t, name, "application/json", zeros), now)
		if got.Verdict != NotComparable || got.Reason != TooLarge && got.Reason != TooDense {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestCharsetsAreDecoded(t *testing.T) {
	t.Parallel()
	c := comparer(t, Options{})
	utf8, latin := answer("text/html; charset=utf-8", "<p>é"), answer("text/html; charset=iso-8859-1", "<p>\xe9")
	got := c.Compare(utf8, latin, now)
	if want := []string{"different", "header.Content-Type.charset value utf-8|iso-8859-1"}; cmp.Diff(want, found(got)) != "" {
		t.Error(found(got))
	}
	meta := answer("text/html", "<meta charset=latin1><p>\xe9")
	if got := c.Compare(answer("text/html", "<meta charset=latin1><p>&eacute;"), meta, now); got.Verdict != Equal {
		t.Error(found(got))
	}
	var wide []byte
	for _, u := range utf16.Encode([]rune("\ufeffaé\n")) {
		wide = binary.LittleEndian.AppendUint16(wide, u)
	}
	if got := c.Compare(answer("text/plain; charset=utf-16", string(wide)), answer("text/plain; charset=utf-16", string(wide)+"x\x00"), now); got.Total != 1 || got.Differences[0].Kind != Value && got.Differences[0].Kind != Length {
		t.Error(found(got))
	}
	if got := c.Compare(answer("text/html; charset=utf-8", "<p>\xe9"), answer("text/html; charset=latin1", "<p>\xe9"), now); got.Total != 2 {
		t.Errorf("the same bytes in another charset: %v", found(got))
	}
}

func TestFormatsThatDiffer(t *testing.T) {
	t.Parallel()
	got := comparer(t, Options{}).Compare(answer("application/json", "{}"), answer("text/html", "<p>"), now)
	if len(got.Differences) != 2 || got.Differences[1].Signature != "$ type json→html" {
		t.Errorf("%+v", got)
	}
	empty := comparer(t, Options{}).Compare(Answer{Status: 204}, Answer{Status: 204, Header: http.Header{}}, now)
	if empty.Verdict != Equal || empty.Format != "empty" {
		t.Errorf("%+v", empty)
	}
}
