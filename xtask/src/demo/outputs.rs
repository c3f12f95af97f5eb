//! What all programs of the demo printed, to be searched at the end.

use std::io::Read;
use std::process::Output;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};

/// A program's name and what it printed.
type Printed = (String, Vec<u8>);

/// Everything that programs printed, by program; shared with the threads that read pipes.
#[derive(Clone, Debug, Default)]
pub(super) struct Outputs {
    all: Arc<Mutex<Vec<Printed>>>,
}

impl Outputs {
    /// Keeps some output.
    pub(super) fn add(&self, program: &str, bytes: &[u8]) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        match all.iter_mut().find(|(name, _)| name == program) {
            Some((_, kept)) => kept.extend(bytes),
            None => all.push((program.to_owned(), bytes.to_vec())),
        }
    }

    /// Keeps both outputs of a program that ended, which must have succeeded.
    pub(super) fn of(&self, program: &str, output: &Output) -> Result<()> {
        self.add(program, &output.stdout);
        self.add(program, &output.stderr);
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{program} ended with {}: {}",
            output.status,
            text.trim()
        );
        Ok(())
    }

    /// What a program printed so far.
    pub(super) fn text(&self, program: &str) -> String {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter().find(|(name, _)| name == program);
        found.map_or_else(String::new, |(_, bytes)| {
            String::from_utf8_lossy(bytes).into_owned()
        })
    }

    /// A copy of everything.
    pub(super) fn all(&self) -> Vec<Printed> {
        self.all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Collects a pipe in the background until it ends.
    pub(super) fn collect(&self, program: &'static str, mut pipe: impl Read + Send + 'static) {
        let outputs = self.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = pipe.read(&mut buffer) {
                outputs.add(program, buffer.get(..n).unwrap_or_default());
            }
        });
    }
}
