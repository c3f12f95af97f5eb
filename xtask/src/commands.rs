//! The table of commands: what each is called, says of itself and calls.

use crate::command::Command;

/// Every command, in the order of the overview.
pub(crate) const COMMANDS: &[Command] = &[
    Command {
        name: "setup",
        usage: "[api|vm]",
        about: "installs what is missing to build, test and demonstrate; changes nothing twice",
        more: "Debian packages are installed with apt-get when run as root, else named.\n\
               Versions are pinned in xtask/src/versions.rs. What is downloaded or built once is\n\
               kept in $CLOUDTASER_CACHE, else $XDG_CACHE_HOME/cloudtaser, else\n\
               ~/.cache/cloudtaser. The linters' own tools are installed by `lint`.\n\
               `setup api` and `setup vm` get what those tiers need, which they would get themselves.",
        flags: &[],
        words: 1,
        call: |args| crate::setup::run(args.word(0)),
    },
    Command {
        name: "demo",
        usage: "",
        about: "runs psql with a password from the store, and proves where the password is not",
        more: "Installs what is missing, builds, makes an encrypted store in a temporary folder,\n\
               starts a PostgreSQL server on the loopback interface and runs psql through\n\
               `cloudtaser run`. Each row of the table is a check; one that fails fails the\n\
               command. As root it can also search the wrapper's memory. CLOUDTASER_BIN names\n\
               another binary than the one that would be built.",
        flags: &[],
        words: 0,
        call: |_| crate::demo::run(),
    },
    Command {
        name: "build",
        usage: "[--release]",
        about: "builds the static binary `cloudtaser` and says where it is",
        more: "Static, position-independent, no interpreter, no shared library. With --release it\n\
               is the file that ships, stripped; its hardening and size are then a test\n\
               (`cargo xtask test process binary`).",
        flags: &["--release"],
        words: 0,
        call: |args| crate::product::run(args.has("--release")),
    },
    Command {
        name: "test",
        usage: "[tier] [filter]",
        about: "runs a tier of tests, or all; ends with a table and the counts",
        more: "Tiers: lint, unit, process, openbao, api, runtimes, sdk, vm, fuzz, demo. The filter is a part\n\
               of a test's name. The last line is `N passed, N failed, N skipped`. A skipped test names what\n\
               is missing; with CI=true a skip that is not in xtask/src/test/skip.rs is a failure.\n\
               `openbao` runs against $CLOUDTASER_TEST_SERVER, else `bao` or `vault` on PATH, else\n\
               a Vault that is built once with Go (about 5 minutes). `api` runs against the image\n\
               registry $CLOUDTASER_TEST_REGISTRY, else one that is built once with Go (2 minutes),\n\
               against etcd (as root, Debian's package) and a Kubernetes API server that is built\n\
               once with Go (about 8 minutes), and against the server of `openbao`.\n\
               `runtimes` installs, as root, the Debian packages that xtask/src/versions.rs lists. `vm`\n\
               boots Debian kernels in QEMU: as root it installs that and a BPF compiler (4 minutes).\n\n\
               Examples:\n  cargo xtask test\n  cargo xtask test unit\n  \
               cargo xtask test process signal\n  cargo xtask test openbao proxy",
        flags: &[],
        words: 2,
        call: |args| crate::test::run(args.word(0), args.word(1)),
    },
    Command {
        name: "bench",
        usage: "[--json] [name]",
        about: "measures the figures that we hold ourselves to, each beside its bar",
        more: "Names, with a store: size, start, sops, memory, many, many-memory. With a real\n\
               server over mutual TLS: server, server-many, server-memory, vals, agent,\n\
               consul-template, crowd. The preload library against the same without it: preload,\n\
               which is preload-open, -find, -git, -python, -secret, -load and -threads. The\n\
               Go SDK's calls: sdk. The admission webhook against a real API server: webhook, which is webhook-decide and\n\
               -crowd. The\n\
               peers sops, vals and consul-template, and the server if there is none\n\
               ($CLOUDTASER_TEST_SERVER, `bao`, `vault`), are built once with Go (some minutes\n\
               each). Fails when a bar is not met. Leave the machine alone while it runs.\n\
               CLOUDTASER_BIN names another binary than the one that would be built.",
        flags: &["--json"],
        words: 1,
        call: |args| crate::bench::run(args.word(0), args.has("--json")),
    },
    Command {
        name: "lint",
        usage: "[filter]",
        about: "format, clippy, licences, unused dependencies, shell, links, house rules",
        more: "Each is one line of the table. Installs cargo-deny and cargo-machete into the\n\
               cache on first use (some minutes).",
        flags: &[],
        words: 1,
        call: |args| crate::test::run(Some("lint"), args.word(0)),
    },
    Command {
        name: "fmt",
        usage: "",
        about: "formats the Rust code",
        more: "",
        flags: &[],
        words: 0,
        call: |_| crate::lint::format(),
    },
    Command {
        name: "ci",
        usage: "",
        about: "everything that CI does, in CI's order: lint, build, test",
        more: "",
        flags: &[],
        words: 0,
        call: |_| crate::test::ci(),
    },
    Command {
        name: "generate",
        usage: "[--check]",
        about: "writes what is generated: pages of docs, webhook/crds, tests/binary.toml",
        more: "The pages are docs/annotations.md, docs/attacks.md and docs/webhook-server.md.\n\
               With --check it only says whether they are up to date. Review the difference before\n\
               a commit.",
        flags: &["--check"],
        words: 0,
        call: |args| crate::product::generate(args.has("--check")),
    },
    Command {
        name: "doctor",
        usage: "",
        about: "which of the developer's tools are here, a line each with the fix",
        more: "About this checkout's tools. What a place can give to `cloudtaser` itself is\n\
               answered by `cloudtaser doctor`.",
        flags: &[],
        words: 0,
        call: |_| crate::doctor::run(),
    },
    Command {
        name: "__sweep",
        usage: "DIR",
        about: "",
        more: "Part of `demo`: cleans up after it, however it ended.",
        flags: &[],
        words: 1,
        call: |args| crate::demo::place::sweep(args.word(0).unwrap_or_default()),
    },
];
