//! Shells and the tools that scripts are made of.

use crate::row::{MUSL, ROW, Row, VARIABLE};

/// One tool, with three sorted lines to read, and another file beside it.
const FILES: &[(&str, &str)] = &[("a", "one\ntwo {marker}\nthree\n"), ("b/c", "four\n")];

const fn tool(reads: &'static str, command: &'static [&'static str]) -> Row {
    Row {
        reads,
        command,
        files: FILES,
        ..ROW
    }
}

const SHELL_READ: &str = "while read -r line; do echo \"<$line>\"; done < {dir}/a; echo \"$(cat < {dir}/b/c)\"; . {dir}/env; echo $X; test -r {dir}/a && [ -f {dir}/b/c ] && [ -s {dir}/a ] && [ -d {dir}/b ] && echo there; [ -e {dir}/d ] || echo not";

const SHELL_FILES: &[(&str, &str)] = &[FILES[0], FILES[1], ("env", "X={marker}\n")];

const fn script(command: &'static [&'static str]) -> Row {
    Row {
        reads: "redirection, `.`, test",
        command,
        files: SHELL_FILES,
        ..ROW
    }
}

const fn pipeline(command: &'static [&'static str]) -> Row {
    Row {
        reads: "pipelines, xargs, globs",
        command,
        files: FILES,
        ..ROW
    }
}

const PIPELINE: &str = "cat {dir}/a | tr a-z A-Z | sort; echo {dir}/a {dir}/b/c | xargs -n1 cat; echo {dir}/*; ( cat ) < {dir}/a; (exec 7< {dir}/b/c; cat <&7); env -i cat /dev/null && cat {dir}/b/../a {dir}/./b/c";

/// The shell's own tools, where it has them.
const BUSYBOX: &str = "cat {dir}/a; head -n1 {dir}/a; tail -n1 {dir}/a; wc {dir}/a; sha256sum {dir}/a {dir}/b/c; awk '{print $2}' {dir}/a; sed -n 2p {dir}/a; grep -n t {dir}/a; stat -c '%s %a %F' {dir}/a; cut -c1-3 {dir}/a; sort -r {dir}/a; uniq {dir}/a; dd if={dir}/a bs=5 count=1 2>/dev/null; od -c {dir}/a; xxd {dir}/a; base64 {dir}/a; tac {dir}/a; cmp {dir}/a {dir}/b/c; diff {dir}/a {dir}/a; find {dir} -type f | sort; ls {dir}; ls {dir}/b; test -r {dir}/a; strings {dir}/a; tr a-z A-Z < {dir}/a; gzip -c {dir}/a | zcat; tar -{dir}/b/c {dir} -cf - a | tar -xOf -; readlink -f {dir}/a; realpath {dir}/b/../a; cp {dir}/a /dev/stdout; more {dir}/a; cksum {dir}/a; expand {dir}/a; paste {dir}/a {dir}/b/c; tail -c3 {dir}/a; echo end";

rows! {
    bash_read: script(&["bash", "-c", SHELL_READ]);
    bash_pipeline: pipeline(&["bash", "-c", PIPELINE]);
    bash_own: tool("$(<file), mapfile, process substitution", &["bash", "-c", "echo \"$(<{dir}/a)\"; mapfile -t l < {dir}/a; echo ${#l[@]} ${l[1]}; diff <(cat {dir}/a) {dir}/a && cat <(sort {dir}/a)"]);
    bash_variable: Row { reads: "$NAME, export", command: &["bash", "-c", "echo $CT_SECRET; printenv CT_SECRET; CT_SECRET=other printenv CT_SECRET; (unset CT_SECRET; printenv CT_SECRET) || echo none"], ..VARIABLE };
    dash_read: script(&["dash", "-c", SHELL_READ]);
    dash_pipeline: pipeline(&["dash", "-c", PIPELINE]);
    dash_variable: Row { reads: "$NAME", command: &["dash", "-c", "echo $CT_SECRET; printenv CT_SECRET; exec env"], ..VARIABLE };
    dash_musl_read: Row { library: MUSL.library, ..script(&["musl-dash", "-c", SHELL_READ]) };
    dash_musl_pipeline: Row { library: MUSL.library, ..pipeline(&["musl-dash", "-c", PIPELINE]) };
    dash_musl_variable: Row { library: MUSL.library, reads: "$NAME", command: &["musl-dash", "-c", "echo $CT_SECRET; printenv CT_SECRET"], ..VARIABLE };
    busybox_shell: script(&["busybox", "sh", "-c", SHELL_READ]);
    busybox_tools: tool("every tool of its own", &["busybox", "sh", "-c", BUSYBOX]);
    busybox_musl_shell: Row { library: MUSL.library, ..script(&["musl-busybox", "sh", "-c", SHELL_READ]) };
    busybox_musl_pipeline: Row { library: MUSL.library, ..pipeline(&["musl-busybox", "sh", "-c", PIPELINE]) };
    busybox_musl_tools: Row { library: MUSL.library, ..tool("every tool of its own", &["musl-busybox", "sh", "-c", BUSYBOX]) };
    busybox_musl_variable: Row { library: MUSL.library, reads: "$NAME", command: &["musl-busybox", "sh", "-c", "echo $CT_SECRET; printenv CT_SECRET; unset CT_SECRET; printenv CT_SECRET || echo none"], ..VARIABLE };

    cat: tool("read, fadvise, copy_file_range", &["cat", "{dir}/a", "{dir}/b/c"]);
    cat_numbered: tool("read", &["cat", "-n", "{dir}/a"]);
    cat_standard_input: tool("/dev/stdin", &["sh", "-c", "cat /dev/stdin < {dir}/a; cat /proc/self/fd/0 < {dir}/a; cat - < {dir}/a"]);
    cat_missing: Row { status: 1, ..tool("a neighbour that is not there", &["cat", "{dir}/a", "{dir}/aa", "{dir}/a/b", "{dir}/b"]) };
    cat_spellings: Row { status: 1, ..tool("other spellings of the path, good and bad", &["cat", "{dir}/./a", "{dir}//b/../a", "/proc/self/root{dir}/a", "{dir}/../../{dir}/a", "{dir}/a/", "{dir}/a/.", "{dir}/a/..", "{dir}/a/../a"]) };
    cat_symlink: Row {
        reads: "a symbolic link to it, and to its folder",
        files: FILES,
        prepare: "ln -s {dir}/a {here}/link; ln -s {dir} {here}/folder",
        command: &["cat", "{here}/link", "{here}/folder/a", "folder/b/c"],
        ..ROW
    };
    cp: tool("copy_file_range, fchmod", &["sh", "-c", "cp {dir}/a copied; cat copied; stat -c '%s %a' copied; rm -f copied"]);
    cp_archive: tool("a folder, with modes", &["sh", "-c", "cp -R {dir} copied; find copied -type f -printf '%P %s %m\\n' | sort; rm -rf copied"]);
    dd: tool("lseek, read", &["dd", "if={dir}/a", "bs=5", "skip=1", "count=2", "status=none"]);
    dd_direct: tool("one byte after the other", &["dd", "if={dir}/a", "bs=1", "status=none"]);
    tar: tool("openat, newfstatat, read", &["sh", "-c", "tar -C {dir} -cf - a b/c | tar -xOf -"]);
    tar_folder: tool("fdopendir", &["sh", "-c", "tar -C {dir} -cf - . | tar -tf - | sort"]);
    sha256sum: tool("fread, fadvise", &["sha256sum", "{dir}/a", "{dir}/b/c"]);
    sha256sum_check: tool("names from a file", &["sh", "-c", "sha256sum {dir}/a > sums; sha256sum -c sums"]);
    sort: tool("fopen", &["sort", "-r", "{dir}/a"]);
    sort_unique: tool("several", &["sort", "-u", "{dir}/a", "{dir}/b/c"]);
    grep: tool("open, read, lseek", &["grep", "-n", "t", "{dir}/a"]);
    grep_recursive: tool("fts, openat", &["sh", "-c", "grep -r o {dir} | sort"]);
    head: tool("read, lseek", &["head", "-c", "6", "{dir}/a"]);
    head_lines: tool("read, lseek back", &["sh", "-c", "(head -n1; cat) < {dir}/a; head -n -1 {dir}/a"]);
    tail: tool("lseek from the end", &["tail", "-n", "2", "{dir}/a"]);
    tail_bytes: tool("lseek from the end", &["tail", "-c", "4", "{dir}/a"]);
    wc: tool("fstat for the size", &["wc", "{dir}/a", "{dir}/b/c"]);
    wc_bytes: tool("fstat alone", &["wc", "-c", "{dir}/a"]);
    sed: tool("fopen", &["sed", "-n", "2p", "{dir}/a"]);
    sed_script: Row {
        reads: "a script",
        files: &[("script", "s/x/{marker}/\n")],
        command: &["sh", "-c", "echo x | sed -f {dir}/script"],
        ..ROW
    };
    awk: tool("getline, FILENAME", &["gawk", "{ print FILENAME, FNR, $2 }", "{dir}/a", "{dir}/b/c"]);
    mawk: tool("read", &["mawk", "{ print FILENAME, FNR, $2 }", "{dir}/a"]);
    find: tool("fts", &["sh", "-c", "find {dir} -type f -perm 400 -size -2 -printf '%p %s %m %y\\n' | sort"]);
    find_exec: tool("fts and exec", &["find", "{dir}", "-name", "a", "-exec", "cat", "{}", "+"]);
    ls: tool("readdir", &["ls", "-1", "{dir}", "{dir}/b"]);
    ls_long: Row {
        // Which time a file is said to be from is ours; real ones are from now.
        reads: "statx, getxattr",
        command: &["ls", "-l", "--time-style=+", "{dir}/a", "{dir}/b/c"],
        files: FILES,
        ..ROW
    };
    ls_recursive: tool("readdir, stat", &["ls", "-RF", "{dir}"]);
    stat: tool("statx", &["stat", "-c", "%n %s %a %F %h %U", "{dir}/a"]);
    stat_folder: tool("statx of a folder", &["stat", "-c", "%n %F", "{dir}", "{dir}/b"]);
    readlink: tool("realpath", &["sh", "-c", "readlink -f {dir}/b/../a; realpath {dir}/a; realpath -e {dir}/b/c"]);
    symlink: tool("a symbolic link to it", &["sh", "-c", "ln -s {dir}/a link; cat link; readlink link; realpath link; rm link"]);
    diff: tool("fstat, read", &["diff", "-s", "{dir}/a", "{dir}/a"]);
    cmp: Row { status: 1, ..tool("fstat, read", &["cmp", "{dir}/a", "{dir}/b/c"]) };
    od: tool("fread", &["od", "-An", "-c", "{dir}/a"]);
    base64: tool("fread", &["base64", "{dir}/a"]);
    cut: tool("getc", &["cut", "-d ", "-f2", "{dir}/a"]);
    paste: tool("several streams", &["paste", "{dir}/a", "{dir}/b/c"]);
    split: tool("lseek, read", &["sh", "-c", "split -n 2 {dir}/a part; cat partaa partab; rm partaa partab"]);
    gzip: tool("fstat, read", &["sh", "-c", "gzip -nc {dir}/a | gzip -dc"]);
    xargs_file: tool("fopen", &["xargs", "-a", "{dir}/a", "echo"]);
    file_time: tool("newer than", &["sh", "-c", "[ {dir}/a -ef {dir}/b/../a ] && echo same; touch later; [ {dir}/a -nt later ] || echo older"]);
    env_printed: Row { reads: "environ", command: &["printenv", "CT_SECRET"], ..VARIABLE };
}
