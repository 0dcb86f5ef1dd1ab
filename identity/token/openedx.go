package token

import "fmt"

// Profile is what a framework wants of a token beyond the standards.
type Profile string

// OpenEDX are the tokens of edx-drf-extensions 10.7 (edx_rest_framework_extensions,
// auth/jwt): `Authorization: JWT`, for Bearer it is silently anonymous, RS512 or
// RS256, and its own claims. The subject needs the attributes username, user_id,
// email, name, is_staff and is_superuser; email_verified is false without one.
// A claim of the same name in ServiceOptions takes another attribute.
//
// A service there keeps the rights a token does not mention, hence every one is
// required; and it does not look whether its own copy of the user is active,
// hence a subject whose attribute is_active is not true gets no token.
const OpenEDX Profile = "openedx"

// openEDXClaims are what it adds. The version must be a full semantic one: for
// "1.2" the service answers 500.
var openEDXClaims = map[string]Claim{
	"preferred_username": {Attribute: "username", Required: true, Kind: Text},
	"user_id":            {Attribute: "user_id", Required: true, Kind: Integer},
	"email":              {Attribute: "email", Required: true, Kind: Text},
	"name":               {Attribute: "name", Required: true, Kind: Text},
	"administrator":      {Attribute: "is_staff", Required: true, Kind: Bool},
	"superuser":          {Attribute: "is_superuser", Required: true, Kind: Bool},
	"email_verified":     {Attribute: "email_verified", Value: false, Kind: Bool},
	"is_restricted":      {Value: false},
	"version":            {Value: "1.2.0"},
	"scopes":             {Value: []string{"user_id", "email", "profile"}},
	"filters":            {Value: []string{}},
	"grant_type":         {Value: "password"},
}

// inactive says whether the subject's attribute is_active forbids a token: it is
// there, and it is neither true nor null.
func (p *Prepared) inactive() bool {
	value := p.Attribute("is_active")
	if value == "" || value == "null" {
		return false
	}
	active, _ := Bool.of([]byte(value))
	return string(active) != "true"
}

// openEDX is the configured claims with the profile's.
func openEDX(configured map[string]Claim) (map[string]Claim, error) {
	claims := make(map[string]Claim, len(openEDXClaims)+len(configured))
	for name, c := range configured {
		if ours, known := openEDXClaims[name]; known && (ours.Attribute == "" || c.Attribute == "") {
			return nil, fmt.Errorf("%w: profile %s says what the claim %q is; at most its attribute can be another", ErrService, OpenEDX, name)
		}
		claims[name] = c
	}
	for name, ours := range openEDXClaims {
		if c, configured := claims[name]; configured {
			ours.Attribute = c.Attribute
		}
		claims[name] = ours
	}
	return claims, nil
}
