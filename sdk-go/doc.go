// Package cloudtaser reads the secrets that the wrapper (cloudtaser run) keeps in secret memory for
// this program. It is for static Go programs, which no preload library can reach: the values are
// never in the environment, on a disk or in arguments.
//
//	password, err := cloudtaser.GetSecret("secret/db#password")
//
// The operator names what the program needs, and the wrapper fetches it before the start:
//
//	cloudtaser run --env 'PGPASSWORD=vault:secret/db#password' -- ./server
//
// The wrapper sees that the SDK is linked into the program and hands the memory to it, which
// --delivery sdk forces. The program's environment then has no PGPASSWORD: [Store.Env] has.
//
// # What it does not protect against
//
//   - Code in this process, and whoever may trace it or put code into it: the same user and root.
//   - Copies. [GetSecret], [Store.Env] and fs.ReadFile answer memory of Go's heap. The runtime may
//     copy it (a stack that grows, an append, a conversion between string and []byte, an argument in
//     an interface), nothing wipes it, and a heap dump shows it. Drivers, HTTP clients and TLS make
//     such copies of what they are given, whatever it came from.
//   - The programs that this one starts by hand: they get nothing unless [Store.Share] is called.
//     A child that C code makes with fork(2) does not have the mappings.
//   - Go code in a program that is not Go's own (-buildmode=c-shared): where the preload library
//     serves that program, it keeps the region for itself.
//   - Swap and whoever reads the memory of processes, below level secretmem: see [Store.Protection]
//     and [MinProtection].
//   - The development source, which is for laptops.
//
// # What to use when
//
//   - [GetSecret], [Store.GetSecret]: a string. For libraries that want one.
//   - [Store.Use]: the bytes, outside of Go's heap, for the time of a callback, wiped afterwards.
//     For everything that takes a []byte: hmac, ciphers, comparisons, bcrypt.
//   - [Store.Get]: a [Secret], a copy in locked memory that lasts until it is destroyed. For what
//     outlives a call, such as the key of a session.
//   - [Store.Env], [Store.FS]: for libraries that take a lookup function or an fs.FS.
//   - [Store.Watch]: tells of rotations. The packages tlscert, sqlsecret, httpheader follow them by
//     themselves; package logguard keeps values out of logs.
//
// # References
//
// A reference is the path and the field: secret/db#password. secret/data/db#password, as KV 2 has
// it, and a scheme (vault:, bao:) mean the same. Without a field the path must have one value only.
// What the wrapper was not told to fetch is not found: the SDK asks no server.
//
// # Rotation
//
// The wrapper writes new values into the same memory. Every call reads the value of that moment,
// whole: never half of an old and half of a new one. Nothing has to be opened again.
//
// # Development
//
// Without the wrapper, and where CLOUDTASER_DEV_SOURCE is set, the secrets come from there: store
// (cloudtaser store, asked by the binary on PATH), or file:PATH (lines KEY=VALUE, where KEY is a
// reference, a path or the name of a variable). A line on standard error says so each time. It is
// refused where CLOUDTASER_MIN_PROTECTION is set, and never used when the wrapper handed over a
// region, whatever is wrong with that. On systems other than Linux it is all there is.
//
// # Compatibility
//
// The API follows semantic versions; api.txt in the repository is the whole of it, and a test
// compares. The region's layout is docs/region.md: this package reads every minor version of major
// version 1. Go 1.24 and newer.
package cloudtaser
