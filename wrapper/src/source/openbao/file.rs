//! Small files with certificates and credentials. A pipe may stand there (`<(…)` of a shell), and
//! one that nobody writes to must not make us wait for ever: signals are blocked meanwhile.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use zeroize::Zeroizing;

/// How long a pipe is waited for. Chosen: whoever makes a credential has it by then.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads a file, `limit` bytes of it at most.
///
/// # Errors
///
/// What the kernel answers; `ETIMEDOUT` for a pipe that gives nothing in 5 s.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let end = Instant::now() + PATIENCE;
    let mut bytes = Zeroizing::new(Vec::new());
    loop {
        wait(&file, end)?;
        let left = limit.saturating_sub(bytes.len() as u64);
        match (&file).take(left).read_to_end(&mut bytes) {
            Ok(_end) => return Ok(bytes),
            // A pipe whose writer is slower than we are.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Waits until there is something to read, or nothing more to come. Regular files are ready.
fn wait(file: &File, end: Instant) -> io::Result<()> {
    let left = end.saturating_duration_since(Instant::now());
    let left = Timespec::try_from(left).map_err(io::Error::other)?;
    let mut waited = [PollFd::new(file, PollFlags::IN)];
    match poll(&mut waited, Some(&left)) {
        Ok(0) => Err(io::ErrorKind::TimedOut.into()),
        Ok(_ready) => Ok(()),
        Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn fifo(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("fifo");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        path
    }

    #[test]
    fn files_and_pipes_are_read_whole_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "0123456789").unwrap();
        assert_eq!(**read(&path, 100).unwrap(), *b"0123456789");
        assert_eq!(**read(&path, 4).unwrap(), *b"0123");
        assert_eq!(read(Path::new("/dev/zero"), 9).unwrap().len(), 9);
        assert!(read(folder.path(), 9).is_err());
        let fifo = fifo(folder.path());
        let writer = {
            let fifo = fifo.clone();
            std::thread::spawn(move || {
                let mut pipe = File::options().write(true).open(fifo).unwrap();
                // Two writes, and a reader that is there in between.
                pipe.write_all(b"ab").unwrap();
                pipe.write_all(b"cd").unwrap();
            })
        };
        assert_eq!(**read(&fifo, 100).unwrap(), *b"abcd");
        writer.join().unwrap();
    }

    #[test]
    fn a_pipe_that_nobody_writes_to_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let error = read(&fifo(folder.path()), 100).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
