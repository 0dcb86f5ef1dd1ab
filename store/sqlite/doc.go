// Package sqlite keeps what must outlive a process in one SQLite file: the
// journal of rollouts (rollout.Store), the salts, named secrets, and the keys
// that sign tokens (token.Store).
//
// It promises that a change it has acknowledged is there after a kill -9 or a
// power cut, whole; that a file it cannot vouch for (of a newer version, of
// another program, in use) is refused with a clear error and left as it is; that
// one that is damaged is set aside, never deleted; and that the files are
// readable by their owner alone.
//
// # One process
//
// One process owns a file: SQLite's exclusive locking mode holds the lock for
// as long as the store is open, and a second process gets store.ErrInUse. Two
// proxies deciding by one file would each believe their own memory; a fleet
// shares a store that is made for it. The lock goes with the process, however
// it ends. Read looks at a copy, and needs no lock. There is no -shm file, since nobody shares the WAL's index.
//
// # Damage
//
// A file is damaged when SQLite says so (its quick_check is run at every start,
// for at most 5 s on a big file), when its write-ahead log is broken before the
// last transaction (SQLite itself would go on without the rest in silence), or
// when it is empty though it has a log or snapshots, and when it bears our
// mark or has snapshots. A file without either may be somebody else's: it is
// refused.
//
// Recover names a damaged file PATH.corrupt-TIME (its log the same with -wal
// behind it) and puts the newest sound snapshot in its place, or an empty store
// when there is none: then every route is on the monolith.
//
// Snapshots are PATH.snapshot-TIME, complete stores in one file each, the newest
// three: made by VACUUM INTO a second after a change and at Close, flushed and
// renamed; not more often than every 10 s, nor for more than a hundredth of the
// time. While one is made, changes wait for it to be stored (those toward the
// monolith are in force before). TIME is that of the clock in UTC, and always
// later than that of the snapshot before.
//
// # Removal
//
// The store looks before and after each write, and a server's every 2 s, whether
// the two names still mean its files. What was removed is written anew with all
// that was in it; a change is acknowledged only then. Another's file in its place
// is left alone, and every write is an error.
//
// # The file
//
// A SQLite 3 database in WAL mode, synchronous=FULL (every commit is flushed
// before it is acknowledged), next to it PATH-wal, both with mode 0600. Copy
// both, or neither. PRAGMA application_id is 0x53747267 ("Strg"), PRAGMA
// user_version the version of the schema. Version 4:
//
//	change   the journal: one row for every change, never updated or deleted
//	  seq      place in the journal, from 1, never used twice
//	  id       given by the writer, unique: writing again is harmless
//	  route    the route, or * for the brake
//	  version  of the route after the change; unique with route, so that two
//	           changes cannot be made on the same state
//	  verb, actor, reason, source, if_version   what, who, why, from where
//	  at       when, RFC 3339 in UTC
//	  before   the route's state before, NULL for a route never touched
//	  after    the route's state after
//	salt     cohort, salt: one row for every cohort, never updated or deleted
//	secret   name, value: one row for every secret
//	cursor   name, seq: how far each reader of the journal (a webhook) has come
//	key_set  issuer, version, keys: see package identity/token for keys
//
// There is no table of the present: the state of a route is the after of its
// newest change, so the two can never differ. States are JSON objects:
//
//	{"route":"faq-read","share_ppm":250000,"version":7,"by":"anna",
//	 "reason":"looks good","source":"cli","since":"2026-05-04T09:30:00Z",
//	 "hold":{"by":"…","reason":"…","since":"…","until":"…"},
//	 "rollout":{"phase":"running","step":2,"since":"…","approved_by":"…"}}
//
// "rollout" came with version 2, the table cursor with version 3, key_set
// with version 4.
//
// A member that this version does not know is an error, not dropped; a new one
// comes with a new version of the schema. A file of an older version is brought up to
// date when opened, in one transaction for each version.
package sqlite
