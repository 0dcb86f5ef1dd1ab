package token

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

func BenchmarkHit(b *testing.B) {
	ring := newRing(b, ES256, epoch)
	m, service := NewMinter(ring), newService(b, ring, ServiceOptions{})
	var users [1024]*Prepared
	for i := range users {
		users[i] = prepared(b, signedInAs(i))
		ask(b, m, service, users[i], epoch)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := m.Token(service, users[i%len(users)], epoch); err != nil {
				b.Error(err)
			}
		}
	})
}

// What a miss costs, and what golang-jwt takes for the same token.
func BenchmarkMint(b *testing.B) {
	for _, algorithm := range Algorithms {
		ring := newRing(b, algorithm, epoch)
		service := newService(b, ring, ServiceOptions{Claims: map[string]Claim{"name": {Attribute: "name"}, "roles": {Attribute: "roles"}}})
		p := prepared(b, func(s *Subject) {
			s.Attributes = map[string]any{"name": "Anna", "roles": []string{"desk", "night"}}
		})
		key, err := ring.Signing(epoch)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(string(algorithm)+"/ours", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := service.Mint(key, p, epoch); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(string(algorithm)+"/golang-jwt", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				t := jwt.NewWithClaims(jwt.GetSigningMethod(string(algorithm)), jwt.MapClaims{
					"iss": "https://www.example.com", "aud": "faq", "sub": "42", "sid": "c2Vzc2lvbi1vZi1hbm5h",
					"iat": epoch.Unix() - 10, "nbf": epoch.Unix() - 10, "exp": epoch.Unix() + 60, "jti": "0123456789012345678901",
					"name": "Anna", "roles": []string{"desk", "night"},
				})
				t.Header["kid"] = key.ID()
				if _, err := t.SignedString(key.private()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What minting costs without the signature.
func BenchmarkClaims(b *testing.B) {
	ring := newRing(b, ES256, epoch)
	service, p := newService(b, ring, ServiceOptions{Claims: map[string]Claim{"name": {Attribute: "name"}}}), prepared(b, nil)
	var claims []byte
	b.ReportAllocs()
	for b.Loop() {
		claims, _ = service.appendClaims(claims[:0], p, 1, 2)
	}
}

func BenchmarkPrepare(b *testing.B) {
	s := subject(func(s *Subject) { s.Attributes = map[string]any{"name": "Anna", "roles": []string{"desk", "night"}} })
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Prepare(new(Prepared)); err != nil {
			b.Fatal(err)
		}
	}
}
