package sqlite

// evidenceID marks a file as evidence of comparisons: "StrS".
const evidenceID = 0x53747253

// evidenceMigrations make its schema, as migrations make the store's. Version 1:
//
//	route      totals of a route over all its eras; last_era numbers the newest
//	era        one era; data is the JSON of a book.Era
//	signature  one signature of an era; data is the JSON of a book.Signature
//	sample     one redacted comparison: at is Unix seconds, size the bytes of
//	           data, which is the JSON of a report.Sample
//
// Rows are written with absolute values; those of one transaction belong
// together, so that an era's buckets always add up to what it sampled.
var evidenceMigrations = []string{
	`CREATE TABLE route (
		route      TEXT PRIMARY KEY,
		sampled    INTEGER NOT NULL,
		compared   INTEGER NOT NULL,
		mismatched INTEGER NOT NULL,
		last_era   INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;
	CREATE TABLE era (
		route  TEXT    NOT NULL,
		number INTEGER NOT NULL CHECK (number > 0),
		data   TEXT    NOT NULL CHECK (json_valid(data)),
		PRIMARY KEY (route, number)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE signature (
		route     TEXT    NOT NULL,
		era       INTEGER NOT NULL,
		signature TEXT    NOT NULL,
		data      TEXT    NOT NULL CHECK (json_valid(data)),
		PRIMARY KEY (route, era, signature)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE sample (
		route     TEXT    NOT NULL,
		era       INTEGER NOT NULL,
		signature TEXT    NOT NULL,
		slot      INTEGER NOT NULL CHECK (slot >= 0),
		at        INTEGER NOT NULL,
		size      INTEGER NOT NULL,
		data      TEXT    NOT NULL CHECK (json_valid(data)),
		PRIMARY KEY (route, era, signature, slot)
	) STRICT;`,
}
