package routes

// PPM is a share in parts per million, 0 to One; also a bucket, 0 to One-1.
type PPM uint32

const (
	// One is the whole: 100 %.
	One PPM = 1_000_000
	// NoBucket marks a decision that needed no bucket.
	NoBucket PPM = 1<<32 - 1
)
