//! Directories that exist in the region only, and such that exist and have children of ours too: C
//! with glibc and musl, and programs that list and walk. Each says the same over a real tree.

use cloudtaser_tests::tree::{Order, Tree};

/// Of a tree that is half on a disk: a directory has entries of both kinds.
const REAL: &[&str] = &["db/text", "top"];

/// `readdir`, `scandir`, `glob`, `nftw` and the like (`preload-c/dirs.c`).
#[test]
fn directories_are_listed_and_walked_with_glibc() {
    list_and_walk("gcc");
}

#[test]
fn directories_are_listed_and_walked_with_musl() {
    list_and_walk("musl-gcc");
}

fn list_and_walk(compiler: &str) {
    for (tree, what) in [(Tree::new(), "all"), (Tree::with_real(REAL), "mixed")] {
        if let Some(program) = tree.compile(compiler, "dirs.c") {
            let program = program.to_str().unwrap_or_default();
            tree.compare(Order::Kept, &[program, what, "@"]);
        }
    }
}

const PYTHON: &str = "
import glob, os, pathlib
for top, below, files in sorted(os.walk('@')): print(top, sorted(below), sorted(files))
for r in sorted(os.fwalk('@/db')): print(r[0], sorted(r[1]), sorted(r[2]))
print(sorted(glob.glob('@/**', recursive=True)))
print(sorted((e.name, e.is_dir(), e.is_file(), e.inode() == e.stat().st_ino) for e in os.scandir('@/db')))
print(sorted(os.listdir('@')), os.path.realpath('@/db/../top'))
fd = os.open('@/db', os.O_RDONLY)
print(sorted(os.listdir(fd)), sorted(os.listdir(fd)), os.stat('text', dir_fd=fd).st_size)
print(sorted(map(str, pathlib.Path('@').rglob('*'))))
print(open('@/db/text').readlines())
";

const PERL: &str = "
opendir(D, '@/db') or die; print join(' ', sort readdir D), qq(\\n);
rewinddir D; my $all = () = readdir D; print $all, qq(\\n);
print join(' ', glob('@/*/*')), qq(\\n);
use File::Find; find({no_chdir => 1, wanted => sub { print qq($_\\n) }}, '@');
";

const NODE: &str = "
const fs = require('fs');
console.log(fs.readdirSync('@').sort(), fs.realpathSync.native('@/db/../top'));
console.log(fs.readdirSync('@/db', {withFileTypes: true}).map(e => e.name + e.isDirectory()).sort());
const d = fs.opendirSync('@/db'); const all = []; let e;
while ((e = d.readSync())) all.push(e.name);
console.log(all.sort(), fs.readFileSync('@/db/text', 'utf8'));
";

/// The interpreter itself: `python3` may be a script that looks for one.
fn python(tree: &Tree) -> String {
    let script = "import sys; print(sys.executable, end='')";
    tree.wrapper()
        .run_bare(&["python3", "-c", script])
        .with(0)
        .stdout()
}

/// What programs say that need no other program.
fn programs(tree: &Tree) {
    for program in [
        &["ls", "-aR", "@"][..],
        &["ls", "-1F", "@/db", "@/top"],
        &["ls", "@/none", "@/db/sub/."],
        &["find", "@", "-printf", "%P %y %m\\n"],
        &["find", "@", "-type", "f", "-size", "+100k"],
        &["find", "-L", "@", "-depth", "-name", "*e*"],
        &["find", "@/deep", "-empty"],
        &["grep", "-rn", "last", "@"],
        &["grep", "-rc", "7", "@/db"],
        &["tar", "-cf", "/dev/null", "--verbose", "@"],
        &["realpath", "@/db/../top", "@/db/./text"],
        &[
            "bash",
            "-c",
            "echo @/* @/*/* @/db/{s,t}*; for f in @/db/*; do [ -d $f ] && echo $f; done",
        ],
        &["bash", "-c", "shopt -s globstar; echo @/**"],
        &["sh", "-c", "echo @/*/* @/none/*"],
        &[&python(tree), "-c", PYTHON],
        &["perl", "-e", PERL],
        &["node", "-e", NODE],
    ] {
        tree.compare(Order::Any, program);
    }
}

#[test]
fn programs_list_and_walk_a_tree_of_secrets() {
    let tree = Tree::new();
    programs(&tree);
    for program in [
        // Owner, links and sizes are those of a file system.
        &[
            "stat",
            "-c",
            "%F %a %h %u %g",
            "@",
            "@/db",
            "@/db/text",
            "@/deep/er",
        ][..],
        &["ls", "-d", "@/db/sub/.."],
        &["stat", "-f", "-c", "%l", "@"],
    ] {
        tree.compare(Order::Any, program);
    }
}

#[test]
fn programs_list_and_walk_a_tree_that_is_half_real() {
    programs(&Tree::with_real(REAL));
}

/// A copy has every byte.
#[test]
fn a_tree_is_copied() {
    for (tree, what) in [(Tree::new(), "all"), (Tree::with_real(REAL), "mixed")] {
        let folder = tree.wrapper().folder();
        let (from, to) = (folder.join("virt"), folder.join("copy"));
        let words = [
            "cp".as_ref(),
            "-r".as_ref(),
            from.as_os_str(),
            to.as_os_str(),
        ];
        let _copied = tree.wrapper().run(&words).with(0);
        let archive = folder.join("a.tar");
        let words = [
            "tar".as_ref(),
            "-cf".as_ref(),
            archive.as_os_str(),
            "-C".as_ref(),
            folder.as_os_str(),
            "virt".as_ref(),
        ];
        let _packed = tree.wrapper().run(&words).with(0);
        let unpacked = folder.join("unpacked");
        std::fs::create_dir(&unpacked).unwrap_or_default();
        let script = format!(
            "cd {} && diff -r disk copy && tar -xf a.tar -C unpacked && diff -r disk unpacked/virt && \
             chmod -R u+w copy unpacked",
            folder.display()
        );
        let ended = tree.wrapper().run_bare(&["sh", "-c", &script]);
        assert_eq!(
            (ended.status(), ended.stdout().as_str()),
            (0, ""),
            "{what}: {ended:?}"
        );
    }
}

/// Nothing of ours can be removed, or removed by accident with a directory around it.
#[test]
fn nothing_is_removed() {
    let tree = Tree::new();
    let path = tree.wrapper().folder().join("virt/db");
    let words = ["rm".as_ref(), "-r".as_ref(), path.as_os_str()];
    let ended = tree.wrapper().run(&words).with(1);
    ended.says(&["virt/db/text': Read-only file system", "virt/db/sub/two'"]);
    let listed = tree
        .wrapper()
        .run(&["ls".as_ref(), path.as_os_str()])
        .with(0);
    assert_eq!(listed.stdout(), "empty\nlarge\nsub\ntext\n");
}
