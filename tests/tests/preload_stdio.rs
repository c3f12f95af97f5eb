//! Streams over files that exist in the region only: C with glibc and musl, C++, and programs that
//! read by stdio. Each says the same over real files.

use cloudtaser_tests::tree::{Order, Tree};

/// Everything that a stream for reading can do (`preload-c/stdio.c`).
#[test]
fn streams_of_glibc_read_a_secret_as_a_file() {
    streams_of("gcc");
}

#[test]
fn streams_of_musl_read_a_secret_as_a_file() {
    streams_of("musl-gcc");
}

fn streams_of(compiler: &str) {
    let tree = Tree::new();
    if let Some(program) = tree.compile(compiler, "stdio.c") {
        let program = program.to_str().unwrap_or_default();
        tree.compare(Order::Kept, &[program, "@/db"]);
    }
}

/// libstdc++ opens with `fopen` and then reads from `fileno`.
#[test]
fn streams_of_cxx_and_its_file_system_library_work() {
    let tree = Tree::new();
    if let Some(program) = tree.compile("g++", "streams.cc") {
        let program = program.to_str().unwrap_or_default();
        tree.compare(Order::Kept, &[program, "@/db"]);
    }
}

#[test]
fn programs_that_use_stdio_read_a_secret() {
    let tree = Tree::new();
    for program in [
        &["cat", "@/db/text"][..],
        &["sort", "@/db/text"],
        &["sort", "-rm", "@/db/text", "@/db/large"],
        &["wc", "@/db/text", "@/db/large", "@/db/empty"],
        &["sed", "-n", "2p", "@/db/text"],
        &["awk", "{print NR, $1}", "@/db/text"],
        &["cut", "-c1-3", "@/db/text"],
        &["head", "-n2", "@/db/text"],
        &["tail", "-n2", "@/db/text"],
        &["tac", "@/db/text"],
        &["grep", "-n", "a", "@/db/text"],
        &["paste", "@/db/text", "@/db/text"],
        &["od", "-c", "@/db/text"],
        &["sha256sum", "@/db/large"],
        &["cmp", "@/db/text", "@/db/large"],
        &["diff", "@/db/text", "@/db/empty"],
        &["base64", "@/db/text"],
        &["perl", "-pe", "s/a/A/", "@/db/text"],
        &["sed", "s/a/b/", "@/none"],
        &["sort", "@/db"],
    ] {
        tree.compare(Order::Kept, program);
    }
}

/// The program's own `stdin` was made by the C library, which reads it without us.
#[test]
fn a_secret_is_the_standard_input() {
    let tree = Tree::new();
    let mut programs: Vec<String> = [
        "cat",
        "sort",
        "sed s/a/A/",
        "cut -c1-3",
        "wc",
        "awk '{print $1}'",
        "head -n2",
        "tail -n1",
        "grep -n a",
        "tac",
        "tr a b",
        "sha256sum",
        "perl -ne print",
        "xargs echo",
        "paste - -",
        "base64",
        "busybox sort",
        "busybox wc",
        "python3 -c 'print(open(0).read())'",
    ]
    .map(String::from)
    .into();
    for (compiler, source) in [
        ("gcc", "stdin.c"),
        ("musl-gcc", "stdin.c"),
        ("g++", "cin.cc"),
    ] {
        if let Some(program) = tree.compile(compiler, source) {
            programs.push(format!("{} @/db/text", program.display()));
        }
    }
    for program in programs {
        let script = format!("{program} < @/db/text");
        tree.compare(Order::Kept, &["sh", "-c", &script]);
    }
}

/// A shell and its children go on where the last one stopped, as with a file.
#[test]
fn an_offset_of_the_standard_input_is_shared() {
    let tree = Tree::new();
    let script = "{ read a; echo \"[$a]\"; head -c5; echo; sed -n 1p; } < @/db/text";
    tree.compare(Order::Kept, &["sh", "-c", script]);
    tree.compare(Order::Kept, &["bash", "-c", script]);
}

/// A stream is never opened for writing, and the file stays.
#[test]
fn streams_for_writing_are_refused_as_on_a_read_only_file_system() {
    let tree = Tree::new();
    let path = tree.wrapper().folder().join("virt/db/text");
    for mode in [">", ">>", "+<"] {
        let script = format!("open(F, '{mode}', '{}') or print $!", path.display());
        let ended = tree.wrapper().run(&["perl", "-e", &script]).with(0);
        assert_eq!(ended.stdout(), "Read-only file system", "{ended:?}");
    }
    if let Some(program) = tree.compile("gcc", "refused.c") {
        let words = [program.as_os_str(), path.as_os_str()];
        let ended = tree.wrapper().run(&words).with(0);
        let wanted = "w: 30\na: 30\nr+: 30\nw+x: 17\nr,ccs=UTF-8: 22\nfreopen w: 30\nread: 9\n";
        assert_eq!(ended.stdout(), wanted, "{ended:?}");
    }
}
