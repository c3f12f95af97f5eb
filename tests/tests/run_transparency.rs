//! The program finds what it would have found without us: arguments, folder, umask, descriptors,
//! process (P-1, P-12, P-13). Each test compares with the bare program, which is the control.
#![expect(clippy::expect_used, reason = "test code: a panic shows the line")]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use cloudtaser_tests::process::{self, eventually};
use cloudtaser_tests::{Ended, Planted, Wrapper};

/// Both modes, each with a secret on its way, so that the whole start is gone through.
fn modes() -> [Wrapper; 2] {
    [&[][..], &["--exec"]].map(|flags| {
        Wrapper::memory(&[Planted::new("secret/db", "password", "hunter2")])
            .flags(&["--env", "PASSWORD=vault:secret/db#password"])
            .flags(flags)
    })
}

/// Runs a shell command before the wrapper and, as the control, before the bare program; both
/// must print the same, and that is returned.
fn same_after(setup: &str, program: &[&str]) -> String {
    let mut seen = Vec::new();
    for wrapper in modes() {
        let shell = |words: Vec<String>| {
            let mut line = vec!["sh".to_owned(), "-c".to_owned()];
            line.push(format!("{setup}; exec \"$@\""));
            line.push("sh".to_owned());
            line.extend(words);
            Ended::of(wrapper.bare(&line), b"").with(0).stdout()
        };
        let words = |command: &std::process::Command| {
            std::iter::once(command.get_program())
                .chain(command.get_args())
                .map(|word| word.to_string_lossy().into_owned())
                .collect()
        };
        let bare = shell(program.iter().map(|&word| word.to_owned()).collect());
        let wrapped = shell(words(&wrapper.command(program)));
        assert_eq!(wrapped, bare, "{setup}: {program:?}");
        seen.push(bare);
    }
    seen.pop().expect("two modes")
}

#[test]
fn arguments_are_untouched() {
    let words: [&[u8]; 14] = [
        b"",
        b" ",
        b"two words",
        b"'single' \"double\" `back`",
        b"$HOME ${x} $(y)",
        "Grüße 漢字 🔑".as_bytes(),
        b"\xff\xfe not UTF-8 \x80",
        b"--",
        b"--env",
        b"--help",
        b"-v",
        b"line\nbreak\ttab\\",
        b"vault:secret/db#password",
        b"${vault:secret/db#password}",
    ];
    let mut program = vec![
        OsStr::new("cat"),
        OsStr::new("/proc/self/cmdline"),
        OsStr::new("--"),
    ];
    // `cat` ends with a status of its own because these are no files; its command line counts.
    program.extend(words.map(OsStr::from_bytes));
    for wrapper in modes() {
        let wrapped = wrapper.run(&program).output.stdout;
        let bare = wrapper.run_bare(&program).output.stdout;
        let list = |bytes: &[u8]| {
            let text = bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec);
            text.collect::<Vec<_>>()
        };
        assert_eq!(list(&wrapped), list(&bare));
        assert!(
            list(&bare).ends_with(&[words[13].to_vec(), Vec::new()]),
            "control"
        );
    }
}

#[test]
fn the_name_stays_as_it_was_given() {
    for wrapper in modes() {
        let ended = wrapper.run(&["sh", "-c", "echo $0; exit 0"]).with(0);
        assert_eq!(ended.stdout(), "sh\n");
    }
}

#[test]
fn folder_and_umask_are_inherited() {
    assert_eq!(same_after("cd /usr/lib", &["pwd"]), "/usr/lib\n");
    for mask in ["0000", "0027", "0777"] {
        let shown = same_after(&format!("umask {mask}"), &["sh", "-c", "umask"]);
        assert_eq!(shown, format!("{mask}\n"));
    }
}

#[test]
fn limits_and_priority_are_inherited() {
    let limits = same_after(
        "ulimit -n 77; ulimit -s 4096",
        &["cat", "/proc/self/limits"],
    );
    assert!(limits.contains("77"), "control: {limits}");
    // Whoever runs the tests may have lowered their priority already.
    let priority = |shell: &str| {
        same_after(shell, &["nice"])
            .trim()
            .parse::<i32>()
            .expect("a number")
    };
    let own = priority("true");
    assert_eq!(priority("exec nice -n 5 \"$@\""), (own + 5).min(19));
}

#[test]
fn descriptors_are_those_that_were_inherited() {
    // Numbers only: what stands behind them (pipes) is another one in every run.
    let list = [
        "sh",
        "-c",
        "for fd in /proc/$$/fd/*; do echo ${fd##*/}; done",
    ];
    let all = same_after("true", &list);
    let is_open = |list: &str, fd: &str| list.lines().any(|line| line == fd);
    assert!(
        ["0", "1", "2"].iter().all(|fd| is_open(&all, fd)),
        "control: {all}"
    );
    let seven = same_after("exec 7</etc/passwd", &["readlink", "/proc/self/fd/7"]);
    assert_eq!(seven, "/etc/passwd\n");
    for (close, number) in [("exec 0<&-", 0), ("exec 2>&-", 2)] {
        // The list above would not show it: the shell reads the folder through the free number.
        let command = format!(
            "if readlink /proc/self/fd/{number} >/dev/null; then echo open; else echo closed; fi"
        );
        let line = ["sh", "-c", &command];
        assert_eq!(same_after(close, &line), "closed\n", "{close}");
        assert_eq!(same_after("true", &line), "open\n", "control");
    }
    let _all_but_stdout = same_after("exec 0<&- 2>&-", &list);
}

#[test]
fn standard_streams_carry_every_byte() {
    let input: Vec<u8> = (0..4_u32 << 20)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for wrapper in modes() {
        let ended = Ended::of(wrapper.command(&["cat"]), &input).with(0);
        assert!(ended.output.stdout == input, "standard output differs");
        assert_eq!(ended.stderr(), "", "nothing of ours in between");
        let ended = Ended::of(wrapper.command(&["sh", "-c", "exec cat >&2"]), &input).with(0);
        assert!(ended.output.stderr == input, "standard error differs");
    }
}

#[test]
fn a_broken_pipe_behaves_natively() {
    // `yes` dies of SIGPIPE when `head` has gone, unless somebody ignores that signal.
    let command = "\"$@\" | head -n 1 >/dev/null; echo ${PIPESTATUS[0]}";
    for wrapper in modes() {
        let wrapper = wrapper.under("default=13");
        let words = wrapper.command(&["yes"]);
        let mut line: Vec<_> = ["bash", "-c", command, "bash"].map(OsStr::new).to_vec();
        // Without the starter's own words: `bare` adds them again.
        line.extend(words.get_args().skip_while(|word| *word != "--").skip(1));
        let ended = Ended::of(wrapper.bare(&line), b"").with(0);
        assert_eq!(ended.stdout(), "141\n", "{ended:?}");
    }
}

#[test]
fn exec_keeps_process_and_parent_and_leaves_no_thread() {
    let [_, wrapper] = modes();
    let mut command = wrapper.command(&["sh", "-c", "echo $$ $PPID; read end"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    assert_eq!(line, format!("{} {}\n", child.id(), std::process::id()));
    let pid = i32::try_from(child.id()).expect("a process id");
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"))
        .expect("/proc")
        .count();
    assert_eq!(threads, 1);
    assert_eq!(process::children(pid), [] as [i32; 0]);
    let executable = std::fs::read_link(format!("/proc/{pid}/exe")).expect("/proc");
    assert!(
        !executable.ends_with("third_source"),
        "{}",
        executable.display()
    );
    drop(child.stdin.take());
    let _status = child.wait().expect("waited for");
}

#[test]
fn without_exec_the_program_is_the_only_child() {
    // Control for the test above.
    let [wrapper, _] = modes();
    let mut command = wrapper.command(&["cat"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let pid = i32::try_from(child.id()).expect("a process id");
    let program = process::only_child(pid);
    let executable = || std::fs::read_link(format!("/proc/{program}/exe"));
    assert!(eventually(|| executable().is_ok_and(|file| file
        .ends_with("cat")
        || !file.ends_with("third_source"))));
    drop(child.stdin.take());
    let mut rest = String::new();
    let mut stdout = child.stdout.take().expect("a pipe");
    let _bytes = stdout.read_to_string(&mut rest).expect("read");
    assert!(child.wait().expect("waited for").success());
}
