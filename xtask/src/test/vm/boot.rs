//! Boots a machine and reads its serial line until the power goes off.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::exec::Cmd;

/// Longest life of a machine. Chosen: the runs take minutes, and 10 where others use the cores.
const LONGEST: Duration = Duration::from_secs(900);
/// Longest silence on the serial line. Chosen: loading the programs takes 4 s, a lost process is
/// given up after 60 s.
const SILENCE: Duration = Duration::from_secs(120);

/// What only the machine's init knows, and what only the attacked processes hold.
#[derive(Debug)]
pub(super) struct Secret {
    pub(super) nonce: String,
    marker: String,
}

impl Secret {
    /// New ones for each machine.
    pub(super) fn new() -> Result<Self> {
        let mut bytes = [0_u8; 32];
        let mut random = std::fs::File::open("/dev/urandom").context("no random numbers")?;
        random.read_exact(&mut bytes).context("no random numbers")?;
        let hex = bytes.map(|byte| format!("{byte:02x}")).concat();
        let (nonce, marker) = hex.split_at(32);
        Ok(Self {
            nonce: nonce.to_owned(),
            marker: marker.to_owned(),
        })
    }

    /// As the machine's init reads it.
    pub(super) fn line(&self) -> String {
        format!("{} {}\n", self.nonce, self.marker)
    }
}

/// Everything that came over the serial line; `more` goes on the kernel's command line. One
/// emulation thread: with two, kernels were seen to oops in text patching. `no_timer_check`: on a
/// busy machine the emulated timer is late for the kernel's test of it.
pub(super) fn boot(kernel: &Path, image: &Path, runs: &[&str], more: &str) -> Result<Vec<String>> {
    let line = format!(
        "console=ttyS0 panic=-1 no_timer_check secretmem.enable=1 {more} cloudtaser.runs={}",
        runs.join(",")
    );
    let mut machine = Cmd::new("qemu-system-x86_64")
        .args(["-accel", "tcg,thread=single", "-cpu", "max", "-m", "1G"])
        .args([
            "-nodefaults",
            "-no-reboot",
            "-display",
            "none",
            "-serial",
            "stdio",
        ])
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(image)
        .args(["-append", &line])
        .into_std()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start qemu-system-x86_64")?;
    let output = machine.stdout.take().context("no pipe")?;
    let (sender, receiver) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let start = Instant::now();
    let mut console = Vec::new();
    loop {
        match receiver.recv_timeout(SILENCE) {
            Ok(line) => console.push(line),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                console.push("vm: the machine fell silent".to_owned());
                break;
            }
        }
        if start.elapsed() > LONGEST {
            console.push("vm: the machine ran too long".to_owned());
            break;
        }
    }
    // Gone already, where all went well.
    let _ended = machine.kill();
    machine
        .wait()
        .context("cannot wait for qemu-system-x86_64")?;
    drop(receiver);
    let _joined = reader.join();
    Ok(console)
}
