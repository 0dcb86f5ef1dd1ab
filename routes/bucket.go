package routes

import "math/bits"

// Bucket is the place of a key in 0…999,999, the same for ever: a request goes
// to the service when it is below the share. The salt keeps the buckets of one
// cohort apart from another's.
//
// It is flagd's fractional v2 with a total weight of one million, so that any
// flagd SDK gives the same answer with
//
//	{"fractional": [{"cat": [SALT, {"var": "targetingKey"}]},
//	                ["service", PPM], ["monolith", 1000000-PPM]]}
//
// It does not allocate.
func Bucket(salt, key string) PPM {
	return PPM(uint64(murmur3(salt, key)) * uint64(One) >> 32)
}

// murmur3 is MurmurHash3_x86_32 with seed 0 (Austin Appleby, public domain,
// https://github.com/aappleby/smhasher) of a and b joined.
func murmur3(a, b string) uint32 {
	var h, k uint32
	total := len(a) + len(b)
	for len(a) >= 4 {
		h = mixBlock(h, word(a))
		a = a[4:]
	}
	n := uint(len(a)) // bytes in k
	for i := range a {
		k |= uint32(a[i]) << (8 * i)
	}
	for n < 4 && b != "" {
		k |= uint32(b[0]) << (8 * n)
		n, b = n+1, b[1:]
	}
	if n == 4 {
		h, k = mixBlock(h, k), 0
	}
	for len(b) >= 4 {
		h = mixBlock(h, word(b))
		b = b[4:]
	}
	for i := range b {
		k |= uint32(b[i]) << (8 * i)
	}
	return finish(h^mixWord(k), uint32(total))
}

// word is the first four bytes of s, little-endian.
func word(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func mixWord(k uint32) uint32 {
	return bits.RotateLeft32(k*0xcc9e2d51, 15) * 0x1b873593
}

func mixBlock(h, k uint32) uint32 {
	return bits.RotateLeft32(h^mixWord(k), 13)*5 + 0xe6546b64
}

func finish(h, length uint32) uint32 {
	h ^= length
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}
