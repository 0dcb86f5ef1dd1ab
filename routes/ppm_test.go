package routes

import (
	"errors"
	"testing"
)

func TestParsePercent(t *testing.T) {
	t.Parallel()
	good := map[string]PPM{
		"0": 0, "100": One, "25": 250_000, "12.5": 125_000, "0.0001": 1, "99.9999": 999_999,
		"12.5%": 125_000, "12.5 %": 125_000, "100.0000": One, "0.1": 1_000, "33.3333": 333_333,
	}
	for text, want := range good {
		if got, err := ParsePercent(text); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "%", " ", "-1", "+1", "100.0001", "101", "1000", "0.00001", "1.", ".5", "1,5", "1e1", "0x10", "1_0",
		"NaN", "Inf", "12.5%%", "12.5  %", "12.5 ", " 12", "010", "٣", "half", "99999999999999999999",
	} {
		if got, err := ParsePercent(text); !errors.Is(err, ErrPercent) {
			t.Errorf("%q: %d, %v, want ErrPercent", text, got, err)
		}
	}
}

// TestPPMStringIsExact: what is shown reads back as the same share.
func TestPPMStringIsExact(t *testing.T) {
	t.Parallel()
	for ppm := PPM(0); ppm <= One; ppm += 37 {
		if back, err := ParsePercent(ppm.String()); err != nil || back != ppm {
			t.Fatalf("%d is shown as %q, which reads as %d, %v", ppm, ppm, back, err)
		}
	}
	for ppm, want := range map[PPM]string{
		0: "0 %", 1: "0.0001 %", 125_000: "12.5 %", One: "100 %", 10_100: "1.01 %", NoBucket: "no bucket",
	} {
		if got := ppm.String(); got != want {
			t.Errorf("%d: %q, want %q", ppm, got, want)
		}
	}
}

func TestPPMPercent(t *testing.T) {
	t.Parallel()
	for ppm, want := range map[PPM]float64{0: 0, 1: 0.0001, 125_000: 12.5, One: 100} {
		if got := ppm.Percent(); got != want {
			t.Errorf("%d: %v, want %v", ppm, got, want)
		}
	}
}
