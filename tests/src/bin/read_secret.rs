//! Reads a file in the way that its first argument names, by Rust's standard library, and prints
//! what it read.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "test code: a panic shows what failed"
)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [how, what] = words.as_slice() else {
        panic!("HOW WHAT");
    };
    let opened = || File::open(what).expect("opened");
    match how.as_str() {
        "read" => print!("{}", fs::read_to_string(what).expect("read")),
        "lines" => {
            for line in BufReader::new(opened()).lines() {
                println!("{}", line.expect("a line"));
            }
        }
        "seek" => {
            let mut file = opened();
            let end = file.seek(SeekFrom::End(-4)).expect("the end");
            let mut rest = String::new();
            let _len = file.read_to_string(&mut rest).expect("read");
            print!("{end} {rest} {}", file.metadata().expect("metadata").len());
        }
        "copy" => {
            let copied = fs::copy(what, "copy").expect("copied");
            print!("{copied} {}", fs::read_to_string("copy").expect("read"));
            fs::remove_file("copy").expect("removed");
        }
        "directory" => {
            for entry in fs::read_dir(what).expect("a directory") {
                let entry = entry.expect("an entry");
                let len = entry.metadata().expect("metadata").len();
                println!("{} {len}", entry.path().display());
            }
        }
        "thread" => {
            let path = what.clone();
            let reader = std::thread::spawn(move || fs::read_to_string(path).expect("read"));
            print!("{}", reader.join().expect("joined"));
        }
        "env" => println!("{}", std::env::var(what).expect("a variable")),
        _ => panic!("{how}?"),
    }
}
