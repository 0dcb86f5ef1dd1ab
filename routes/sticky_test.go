package routes

import "testing"

func TestParseSticky(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Sticky{
		"user":            {},
		"visitor":         {By: StickyVisitor},
		"ip":              {By: StickyIP},
		"cookie:Tenant_1": {By: StickyCookie, Name: "Tenant_1"},
		"header:X-Tenant": {By: StickyHeader, Name: "X-Tenant"},
	} {
		got, err := parseSticky(text)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
		if shown, err := got.MarshalText(); err != nil || string(shown) != text {
			t.Errorf("%q is shown as %q, %v", text, shown, err)
		}
	}
	if got, err := parseSticky("header:x-tenant"); err != nil || got.Name != "X-Tenant" {
		t.Errorf("a header's name is not made canonical: %+v, %v", got, err)
	}
	for _, text := range []string{
		"", "User", "user:", "ip:1", "cookie", "cookie:", "cookie:a b", "cookie:a=b", "header:", "header:a:b",
		"header:Host", "header:cookie", "header:X\r\n", "session", "user ",
	} {
		if got, err := parseSticky(text); err == nil {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
}
