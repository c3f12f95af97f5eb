//! After the start no value is left in the wrapper's memory outside the secret region: not on the
//! heap, not on the stack, in no form that it took on its way.
//!
//! Root reads every mapping. The controls: the same search finds what lies in a process of ours,
//! and finds the values in the program, which has them.
#![expect(clippy::expect_used, reason = "test code: a panic shows the line")]

use std::io::{Read, Write};
use std::process::{Child, Stdio};

use cloudtaser_tests::process::{only_child, state};
use cloudtaser_tests::search::{Pieces, Searched, random_bytes, random_text, search};
use cloudtaser_tests::{Planted, Wrapper, skip};

/// How secrets come to the wrapper. A source is added here.
const SOURCES: [fn(&[Planted]) -> Wrapper; 1] = [Wrapper::memory];

/// The region's mapping in `/proc/PID/maps`: secret memory, or where the kernel has none, shared
/// memory.
const REGIONS: [&str; 2] = ["/secretmem", "/dev/zero"];

/// `len` bytes of text that JSON has to escape.
fn escaped(len: usize) -> Vec<u8> {
    let mut text = String::new();
    for special in ['"', '\\', '\n', '\u{1}', '/'].into_iter().cycle() {
        if text.len() >= len {
            break;
        }
        text.push_str(&random_text(6));
        text.push(special);
    }
    text.truncate(len);
    text.into_bytes()
}

/// `len` bytes that are no text, without NUL, which no variable can hold.
fn binary(len: usize) -> Vec<u8> {
    let bytes = random_bytes(len).into_iter();
    std::iter::once(0xff)
        .chain(bytes.map(|byte| byte.max(1)))
        .take(len)
        .collect()
}

fn text(len: usize) -> Vec<u8> {
    random_text(len).into_bytes()
}

/// A wrapper whose program (`cat`) runs and has the secrets.
struct Running {
    wrapper: Child,
    program: i32,
    _folder: Wrapper,
}

impl Running {
    fn start(wrapper: Wrapper) -> Self {
        let mut command = wrapper.command(&["cat"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let program = only_child(pid(&child));
        // A line that went through `cat` means that it runs; the wrapper then waits for signals.
        let stdin = child.stdin.as_mut().expect("a pipe");
        stdin.write_all(b"x").expect("written");
        let stdout = child.stdout.as_mut().expect("a pipe");
        stdout.read_exact(&mut [0]).expect("read");
        let is_waiting = || state(pid(&child)) == Some('S');
        assert!(cloudtaser_tests::process::eventually(is_waiting));
        Self {
            wrapper: child,
            program,
            _folder: wrapper,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.wrapper.kill());
        drop(self.wrapper.wait());
    }
}

fn pid(child: &Child) -> i32 {
    i32::try_from(child.id()).expect("a process id")
}

/// The one region is left out; heap, stack and data are seen.
fn search_wrapper(pid: i32, pieces: &Pieces) -> Searched {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("maps");
    let region = REGIONS.into_iter().find(|name| maps.contains(name));
    let searched = search(pid, pieces, region);
    assert_eq!(searched.left_out.len(), 1, "{:?}", searched.left_out);
    for name in ["[heap]", "[stack]"] {
        assert!(
            searched.read.iter().any(|read| read == name),
            "{name} was not read"
        );
    }
    assert!(
        searched.bytes > 1 << 20,
        "{} bytes were read",
        searched.bytes
    );
    searched
}

/// Starts with `values` as the fields of one secret, each a variable, and the same in two other
/// ways; then nothing may be found in the wrapper and everything in the program.
fn nothing_is_left(source: fn(&[Planted]) -> Wrapper, values: &[Vec<u8>]) {
    let fields = values.iter().enumerate();
    let secrets: Vec<_> = fields
        .map(|(number, value)| Planted::new("secret/all", &format!("F{number}"), value.as_slice()))
        .collect();
    let pieces = Pieces::of(values);
    let all = source(&secrets).flags(&["--env-from", "vault:secret/all"]);
    // One of them, twice and within a text: copies are made, and the others are thrown away.
    let one = source(&secrets)
        .env("A", "vault:secret/all#F0")
        .env("B", "before ${vault:secret/all#F0} after")
        .env("C", "vault:secret/all#none:-default");
    for wrapper in [all, one] {
        let running = Running::start(wrapper.flags(&["--verbose"]));
        let control = search(running.program, &pieces, None);
        let is_on_stack =
            |place: &cloudtaser_tests::search::Place| place.mapping.contains("[stack]");
        assert!(
            control.places.iter().any(is_on_stack),
            "control: {:?}",
            control.places
        );
        let searched = search_wrapper(pid(&running.wrapper), &pieces);
        let places = searched.places.iter().take(20).collect::<Vec<_>>();
        assert!(
            places.is_empty(),
            "{} places: {places:?}",
            searched.places.len()
        );
    }
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skip("root, who alone may read the wrapper's memory");
    }
    is_root
}

#[test]
fn the_search_finds_one_piece_in_a_process_of_ours() {
    let marker = random_text(64);
    let pieces = Pieces::of(&[&marker]);
    // A shell keeps the line that it reads on its heap.
    for (line, is_found) in [(&marker[17..33], true), (&random_text(16), false)] {
        let mut shell = std::process::Command::new("sh")
            .args(["-c", "read line; echo; read end"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let stdin = shell.stdin.as_mut().expect("a pipe");
        writeln!(stdin, "{line}").expect("written");
        let stdout = shell.stdout.as_mut().expect("a pipe");
        stdout.read_exact(&mut [0]).expect("read");
        let searched = search(pid(&shell), &pieces, None);
        assert_eq!(
            !searched.places.is_empty(),
            is_found,
            "{:?}",
            searched.places
        );
        drop(shell.stdin.take());
        let _status = shell.wait().expect("waited for");
    }
}

#[test]
fn no_single_value_is_left() {
    if !is_root() {
        return;
    }
    for source in SOURCES {
        for len in [20, 1 << 10, 60 << 10] {
            for value in [text(len), binary(len), escaped(len)] {
                nothing_is_left(source, &[value]);
            }
        }
    }
}

#[test]
fn none_of_three_hundred_values_is_left() {
    if !is_root() {
        return;
    }
    for source in SOURCES {
        for len in [20, 1 << 10] {
            for make in [text, binary, escaped] {
                let values: Vec<_> = (0..300).map(|_| make(len)).collect();
                nothing_is_left(source, &values);
            }
        }
    }
}

#[test]
fn no_value_is_left_of_a_secret_that_is_too_large_to_deliver_whole() {
    // 300 values of 60 KiB do not fit into an environment; one of them does, and the heap has
    // grown far beyond what was locked for it.
    if !is_root() {
        return;
    }
    for source in SOURCES {
        let values: Vec<_> = (0..300).map(|_| text(60 << 10)).collect();
        let secrets: Vec<_> = (0..)
            .zip(&values)
            .map(|(number, value): (usize, _)| {
                Planted::new("secret/all", &format!("F{number}"), value.as_slice())
            })
            .collect();
        let running = Running::start(source(&secrets).env("A", "vault:secret/all#F7"));
        let pieces = Pieces::of(&values);
        let searched = search_wrapper(pid(&running.wrapper), &pieces);
        assert!(searched.places.is_empty(), "{:?}", searched.places.first());
    }
}
