//! The pinned version of every tool that xtask installs, in this one file.
//!
//! The Rust toolchain is pinned by `rust-toolchain.toml`, crates by `Cargo.lock`.

/// A program from crates.io, built into the cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CargoTool {
    /// The crate, and the binary in it.
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// What it is for.
    pub(crate) why: &'static str,
}

/// Licences, sources, duplicate versions, advisories. Built from source in about 3 minutes on
/// two cores.
pub(crate) const CARGO_DENY: CargoTool = CargoTool {
    name: "cargo-deny",
    version: "0.20.2",
    why: "licences, sources, advisories",
};

/// Dependencies that nobody uses. About 1 minute.
pub(crate) const CARGO_MACHETE: CargoTool = CargoTool {
    name: "cargo-machete",
    version: "0.9.2",
    why: "unused dependencies",
};

/// Links the enforcer's kernel programs; with the LLVM below, about 1 minute.
pub(crate) const BPF_LINKER: CargoTool = CargoTool {
    name: "bpf-linker",
    version: "0.13.0",
    why: "links the kernel programs, about a minute",
};

/// The LLVM that the compiler below was built with, and `bpf-linker` with it.
pub(crate) const LLVM: &str = "/usr/lib/llvm-22";

/// The compiler of the kernel programs with its sources, and LLVM's libraries.
pub(crate) const BPF_PACKAGES: &[&str] = &[
    "libpolly-22-dev",
    "libxml2-dev",
    "libzstd-dev",
    "llvm-22-dev",
    "rust-web-src",
    "rustc-web",
    "zlib1g-dev",
];

/// Kernels of the tier `vm`: Debian's cloud kernels, the newest that apt knows of each series.
pub(crate) const KERNEL_SERIES: &[&str] = &["6.1", "6.12"];

/// For the tier `vm`.
pub(crate) const APT_VM: &[AptPackage] = &[AptPackage {
    name: "qemu-system-x86",
    programs: &["qemu-system-x86_64"],
    why: "the virtual machines of the tier `vm`",
}];

/// A program as a Go module, built into the cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GoTool {
    pub(crate) name: &'static str,
    /// The package to install.
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
}

/// The peer in the start-up benchmark with a store. About 3 minutes.
pub(crate) const SOPS: GoTool = GoTool {
    name: "sops",
    package: "github.com/getsops/sops/v3/cmd/sops",
    version: "v3.13.3",
};

/// Peers in the benchmarks with the secret server: some minutes, and less than one.
pub(crate) const VALS: GoTool = GoTool {
    name: "vals",
    package: "github.com/helmfile/vals/cmd/vals",
    version: "v0.46.1",
};
pub(crate) const CONSUL_TEMPLATE: GoTool = GoTool {
    name: "consul-template",
    package: "github.com/hashicorp/consul-template",
    version: "v0.41.1",
};

/// The image registry of the tier `api`. Less than 2 minutes.
pub(crate) const REGISTRY: GoTool = GoTool {
    name: "registry",
    package: "github.com/distribution/distribution/v3/cmd/registry",
    version: "v3.1.2",
};

/// Linters of the tier `sdk`. Less than a minute each.
pub(crate) const STATICCHECK: GoTool = GoTool {
    name: "staticcheck",
    package: "honnef.co/go/tools/cmd/staticcheck",
    version: "v0.7.0",
};
pub(crate) const GOVULNCHECK: GoTool = GoTool {
    name: "govulncheck",
    package: "golang.org/x/vuln/cmd/govulncheck",
    version: "v1.1.4",
};

/// The secret server that tests run against, by the module in `tests/servers`. v1.21.4 has no
/// published sdk that fits.
pub(crate) const SERVER: &str = "v1.21.0";

/// The server and the two plugins that its minimal build leaves out.
pub(crate) const SERVER_PACKAGES: &[&str] = &[
    "github.com/hashicorp/vault",
    "github.com/hashicorp/vault/plugins/database/postgresql/postgresql-database-plugin",
    "github.com/hashicorp/vault-plugin-auth-kubernetes/cmd/vault-plugin-auth-kubernetes",
];

/// The API server of the tier `api`, and the rest of Kubernetes, by the module in `tests/kube`. The
/// last minor version whose kubelet takes containerd 1, which Debian 12 has.
pub(crate) const KUBERNETES: &str = "v1.35.4";

/// What it stores in, by the module in `tests/etcd`, where no package can be had.
pub(crate) const ETCD: &str = "v3.6.16";
pub(crate) const ETCD_PACKAGE: &str = "go.etcd.io/etcd/server/v3";

/// What `tests/servers/go.mod` asks for.
pub(crate) const GO_WANTED: &str = "1.26";

/// The first Go that fetches the one that a module asks for (go.dev/doc/toolchain). Debian's
/// is older until release 13.
pub(crate) const GO_OLDEST: (u32, u32) = (1, 21);

/// A Debian or Ubuntu package, wanted when one of its programs is missing. The distribution
/// keeps its versions; any that it supports will do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AptPackage {
    pub(crate) name: &'static str,
    /// Programs that must be there.
    pub(crate) programs: &'static [&'static str],
    /// What it is for.
    pub(crate) why: &'static str,
}

/// For `demo` and the process tests.
pub(crate) const APT_RUN: &[AptPackage] = &[
    AptPackage {
        name: "gcc",
        programs: &["cc"],
        why: "linking",
    },
    AptPackage {
        name: "musl-tools",
        programs: &["musl-gcc"],
        why: "the preload library's tests with another C library",
    },
    AptPackage {
        name: "postgresql",
        programs: &["initdb", "postgres", "pg_ctl", "psql"],
        why: "the real program of `cargo xtask demo`",
    },
];

/// For the tier `sdk`.
pub(crate) const APT_SDK: &[AptPackage] = &[
    AptPackage {
        name: "gcc",
        programs: &["cc"],
        why: "the race detector, and the example in C",
    },
    AptPackage {
        name: "postgresql",
        programs: &["psql"],
        why: "the database whose password is rotated under load",
    },
    AptPackage {
        name: "python3",
        programs: &["python3"],
        why: "the example in Python",
    },
];

/// For the tier `api`: what the API server stores in.
pub(crate) const APT_API: &[AptPackage] = &[AptPackage {
    name: "etcd-server",
    programs: &["etcd"],
    why: "the API server of the tier `api`",
}];

/// For the tier `runtimes`: programs that read secrets through the preload library.
pub(crate) const APT_RUNTIMES: &[AptPackage] = &[
    runtime("busybox", &["busybox"]),
    runtime("bzip2", &["bzip2"]),
    runtime("curl", &["curl"]),
    runtime("dash", &["dash"]),
    runtime("default-jdk-headless", &["java", "javac", "keytool"]),
    runtime("g++", &["g++"]),
    runtime("gawk", &["gawk"]),
    runtime("git", &["git"]),
    runtime("gnupg", &["gpg"]),
    runtime("gnutls-bin", &["gnutls-cli", "certtool"]),
    runtime("haproxy", &["haproxy"]),
    runtime("jq", &["jq"]),
    runtime("lua5.4", &["lua5.4"]),
    runtime("make", &["make"]),
    runtime("mariadb-client", &["mariadb"]),
    runtime("memcached", &["memcached"]),
    runtime("musl-tools", &["musl-gcc"]),
    runtime("nginx-light", &["nginx"]),
    runtime("nodejs", &["node"]),
    runtime("openssh-client", &["ssh", "ssh-keyscan"]),
    runtime("openssh-server", &["sshd"]),
    runtime("openssl", &["openssl"]),
    runtime("perl", &["perl"]),
    runtime("php-cli", &["php"]),
    runtime("php-fpm", &["php-fpm"]),
    runtime("python3-venv", &["python3"]),
    runtime("redis-server", &["redis-server", "redis-cli"]),
    runtime("rsync", &["rsync"]),
    runtime("ruby", &["ruby"]),
    runtime("sqlite3", &["sqlite3"]),
    runtime("strace", &["strace"]),
    runtime("supervisor", &["supervisord"]),
    runtime("tcl", &["tclsh"]),
    runtime("util-linux", &["setpriv"]),
    runtime("wget", &["wget"]),
];

const fn runtime(name: &'static str, programs: &'static [&'static str]) -> AptPackage {
    AptPackage {
        name,
        programs,
        why: "the tier `runtimes`",
    }
}

/// A Debian release of which packages are unpacked, not installed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Release {
    /// Its name, the cache's key.
    pub(crate) suite: &'static str,
    pub(crate) packages: &'static [&'static str],
}

/// The oldest release in Debian's archive: glibc 2.31, of 2020, whose `dlsym` is in a library of
/// its own.
pub(crate) const OLD_GLIBC: Release = Release {
    suite: "bullseye",
    packages: &[
        "coreutils",
        "dash",
        "libacl1",
        "libattr1",
        "libc6",
        "libgmp10",
        "libpcre2-8-0",
        "libselinux1",
        "sed",
    ],
};

/// Python programs of the tier `runtimes`, as pip takes them; the first part of the cache's key.
pub(crate) const PYTHON_PROGRAMS: &[&str] = &["botocore==1.35.99", "gunicorn==23.0.0"];

/// A program of a Debian source package that is built against musl; the distribution keeps the
/// version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MuslProgram {
    pub(crate) source: &'static str,
    /// What it is called in the cache, and in the source's tree once it is built.
    pub(crate) name: &'static str,
    pub(crate) built: &'static str,
    /// Commands that build it.
    pub(crate) steps: &'static [&'static [&'static str]],
}

/// For the tier `runtimes`: some two minutes together.
pub(crate) const MUSL_PROGRAMS: &[MuslProgram] = &[
    MuslProgram {
        source: "dash",
        name: "dash",
        built: "src/dash",
        steps: &[
            &["./configure", "--quiet", "CC=musl-gcc"],
            &["make", "-s", "-j2"],
        ],
    },
    MuslProgram {
        source: "lua5.4",
        name: "lua",
        built: "src/lua",
        steps: &[&[
            "make",
            "-s",
            "-C",
            "src",
            "linux-noreadline",
            "CC=musl-gcc -std=gnu99",
        ]],
    },
    MuslProgram {
        source: "busybox",
        name: "busybox",
        built: "busybox",
        steps: &[
            &["make", "-s", "defconfig"],
            // Musl has no list of who is logged in; traffic control wants older kernel headers.
            &[
                "sed",
                "-i",
                "-E",
                "s/^(CONFIG_(TC|FEATURE_UTMP|FEATURE_WTMP))=y/# \\1 is not set/",
                ".config",
            ],
            // The kernel's headers are those of the distribution.
            &[
                "make",
                "-s",
                "-j2",
                "busybox",
                "CC=musl-gcc -idirafter /usr/include -idirafter /usr/include/HOST-linux-gnu",
            ],
        ],
    },
    MuslProgram {
        source: "sqlite3",
        name: "sqlite3",
        built: "sqlite3",
        steps: &[
            &[
                "./configure",
                "--quiet",
                "CC=musl-gcc",
                "--disable-tcl",
                "--disable-readline",
                "--disable-load-extension",
                "--disable-shared",
            ],
            &["make", "-s", "sqlite3"],
        ],
    },
    MuslProgram {
        source: "curl",
        name: "curl",
        built: "src/curl",
        steps: &[
            &[
                "./configure",
                "--quiet",
                "CC=musl-gcc",
                "--disable-shared",
                "--disable-ldap",
                "--without-ssl",
                "--without-zlib",
                "--without-zstd",
                "--without-brotli",
                "--without-libpsl",
                "--without-libidn2",
                "--without-nghttp2",
            ],
            &["make", "-s", "-j2"],
        ],
    },
];

/// For `lint`.
pub(crate) const APT_LINT: &[AptPackage] = &[AptPackage {
    name: "shellcheck",
    programs: &["shellcheck"],
    why: "shell scripts",
}];

/// For `bench preload`: programs that open many files, and the count of system calls.
pub(crate) const APT_BENCH: &[AptPackage] = &[
    AptPackage {
        name: "findutils",
        programs: &["find"],
        why: "a large tree walked with the preload library",
    },
    AptPackage {
        name: "git",
        programs: &["git"],
        why: "a large repository looked at with the preload library",
    },
    AptPackage {
        name: "python3",
        programs: &["python3"],
        why: "many modules imported with the preload library",
    },
    AptPackage {
        name: "strace",
        programs: &["strace"],
        why: "locks that the preload library would take",
    },
];
