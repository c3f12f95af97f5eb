//! A program for the tests of signals: says each signal that reaches it, one number a line, until
//! SIGTERM has come. It begins with `ready`, when no signal can be lost any more.
#![expect(clippy::expect_used, reason = "test code: a panic shows the line")]

use std::io::Write;

use cloudtaser_wrapper::sys::signal::{block_all, wait};

fn main() {
    block_all().expect("sigprocmask");
    let mut stdout = std::io::stdout();
    let mut say = move |text: &dyn std::fmt::Display| {
        writeln!(stdout, "{text}").expect("written");
        stdout.flush().expect("written");
    };
    say(&"ready");
    loop {
        let signal = wait().expect("sigwaitinfo").signal;
        say(&signal);
        if signal == libc::SIGTERM {
            return;
        }
    }
}
