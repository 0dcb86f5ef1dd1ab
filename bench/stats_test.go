package main

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestLowQuintileIsTheFourthOfTwentySlices(t *testing.T) {
	t.Parallel()
	twenty := []float64{20, 1, 19, 2, 18, 3, 17, 4, 16, 5, 15, 6, 14, 7, 13, 8, 12, 9, 11, 10}
	given := slices.Clone(twenty)
	for _, test := range []struct {
		values    []float64
		low, high float64
	}{
		{nil, 0, 0},
		{[]float64{7}, 7, 7},
		{[]float64{9, 7}, 7, 9},
		{[]float64{5, 4, 3, 2, 1}, 1, 5},
		{[]float64{6, 5, 4, 3, 2, 1}, 2, 5},
		{twenty, 4, 17},
	} {
		if got := lowQuintile(test.values); got != test.low {
			t.Errorf("low quintile of %v: %v, want %v", test.values, got, test.low)
		}
		if got := highQuintile(test.values); got != test.high || math.Signbit(got) {
			t.Errorf("high quintile of %v: %v, want %v", test.values, got, test.high)
		}
	}
	if !slices.Equal(twenty, given) {
		t.Error("the slices were reordered")
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0}, {[]float64{7}, 7}, {[]float64{9, 1}, 5}, {[]float64{9, 2, 1}, 2}, {[]float64{9, 2, 1, 3}, 2.5},
	} {
		if got := median(test.values); got != test.want {
			t.Errorf("median of %v: %v, want %v", test.values, got, test.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, test := range []struct {
		values []time.Duration
		q      float64
		want   time.Duration
	}{
		{nil, 0.5, 0},
		{hundred[:1], 0.99, 1},
		{hundred, 0.5, 50},
		{hundred, 0.99, 99},
		{hundred, 1, 100},
	} {
		if got := percentile(test.values, test.q); got != test.want {
			t.Errorf("percentile %v of %d values: %d, want %d", test.q, len(test.values), got, test.want)
		}
	}
}

func TestRatioOfWhatWasNotMeasuredIsZero(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ a, b, want float64 }{
		{3, 4, 0.75}, {4, 4, 1}, {1, 0, 0}, {0, 1, 0}, {-1, 2, 0},
	} {
		if got := ratio(test.a, test.b); got != test.want {
			t.Errorf("%v to %v: %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

func TestTurnSwapsTheOrderEveryRound(t *testing.T) {
	t.Parallel()
	if got := turn(3, 0); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("first round: %v", got)
	}
	if got := turn(3, 1); !slices.Equal(got, []int{2, 1, 0}) {
		t.Errorf("second round: %v", got)
	}
}
