// Package diff compares two answers to one request: what the monolith said and
// what the service said. It is pure: two answers, rules and a time in, a
// [Result] out; it opens nothing, starts nothing and reads no clock.
//
// Its promise is that equal means equal. A rule may excuse a difference, and
// then the verdict says so; a limit may end the comparison, and then the
// verdict is [NotComparable]. Nothing else makes two different answers one:
// what cannot be parsed is compared as bytes, a number as an exact decimal,
// what a hash finds is looked at all the same. Whatever bytes come in, Compare
// does not panic and stays within [Limits].
//
// # The way through the package
//
//		New(Options) → Comparer.Compare(monolith, service, now) → Result
//
//	  - status: another class (2xx, 5xx) is the only difference then;
//	  - headers (header.go): those of [DefaultHeaders] by their meaning, trailers;
//	  - a body of the same bytes under the same headers is equal at once;
//	  - else it is decoded (decode.go: gzip, deflate, br, zstd, charsets), and
//	    parsed by its Content-Type (format.go) into one kind of tree (node.go);
//	  - the two trees are walked side by side (walk.go; list.go for what stands in
//	    an order), and each difference is held against the rules (rule.go).
//
// # What is equal
//
//   - JSON (RFC 8259): 1, 1.0 and 1e0; members in any order; any escape of a
//     character. Not equal: 1 and "1", null and absent, names given twice and
//     once, two lone surrogates. Elements are compared by position; the same
//     elements in another order are one difference of [Order], and one more
//     element is one of [Length].
//   - Newline-delimited JSON: as a list of documents.
//   - XML: prefixes, the order of attributes, comments, white space between
//     elements that hold no text do not matter.
//   - HTML: as a browser parses it. The order of attributes, entities, optional
//     tags, comments, and white space that a style sheet of defaults collapses
//     do not matter.
//   - Forms: names in any order. Multipart: part by part, each by its type.
//   - Text: by line. Protobuf and gRPC: by the wire format, field by field.
//   - Everything else: byte by byte.
//
// # Paths
//
// A difference in a body has a JSONPath (RFC 9535): $.items[3].price. Markup is
// read as members and elements too: $.html[1].body[1].p[0].@class is an
// attribute, .#text[0] text; the number is the position among everything its
// parent holds, and rules may leave it out: $..p.@class. Fields of protobuf are
// #1, #2. Beside the body there are status, header.NAME and trailer.NAME;
// headers with parts have them as members: header.Set-Cookie.sessionid.Path,
// header.Cache-Control.max-age, header.Location.url.
//
// A rule's path is a path with these selectors, a part of RFC 9535:
//
//	.name ['any name'] [0] [*] .* ..name ..* ..[*] [?@.name=='value']
//
// # Signatures
//
// Differences of one cause have one [Difference.Signature]:
//
//	$.items[*].price type number→string
//
// A position is [*] in it, and a name that looks like data (digits, a UUID, a
// hash, an e-mail address) is *, so that a map by ID is not a cluster per ID.
// It holds no value, and no name longer than 64 bytes.
//
// # Cost
//
// Equal bytes cost a comparison of bytes and one allocation. Where JSON differs,
// the parts whose source is the same are not walked. See the benchmarks.
package diff
