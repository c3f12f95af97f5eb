//! After the start no value is left in the wrapper's memory outside the secret region: not on the
//! heap, not on the stack, in no form that it took on its way.
//!
//! Root reads every mapping. The controls: the same search finds what lies in a process of ours,
//! and finds the values in the program, which has them.

use std::io::{Read, Write};
use std::process::Stdio;

use cloudtaser_tests::running::{Running, is_root, pid_of};
use cloudtaser_tests::search::{Pieces, random_bytes, random_text, search};
use cloudtaser_tests::{Planted, Wrapper};

/// How secrets of every kind come to the wrapper; the store, which holds text, has its own test.
const SOURCES: [fn(&[Planted]) -> Wrapper; 1] = [Wrapper::memory];

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
        let searched = running.search(&pieces, 1);
        let places = searched.places.iter().take(20).collect::<Vec<_>>();
        assert!(
            places.is_empty(),
            "{} places: {places:?}",
            searched.places.len()
        );
    }
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
        let searched = search(pid_of(&shell), &pieces, None);
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
        let searched = running.search(&pieces, 1);
        assert!(searched.places.is_empty(), "{:?}", searched.places.first());
    }
}

#[test]
fn the_store_leaves_nothing_either() {
    if !is_root() {
        return;
    }
    nothing_is_left(Wrapper::local, &[text(20)]);
    nothing_is_left(Wrapper::local, &[escaped(1024)]);
    let many: Vec<_> = (0..300).map(|number| text(20 + number % 200)).collect();
    nothing_is_left(Wrapper::local, &many);
}
