//! The attacks themselves. Each answers the bytes that it got, or the `errno`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use cloudtaser_vm::table::{ATTACKS, Action, Actor, runs};

use crate::{MARKER_AT, MARKER_FD, container, memory, perf, pins, races, sys, uring};

/// Most bytes that are read. Chosen: an environment fits.
const MOST: usize = 4096;
/// Length of the marker in bytes.
const MARKER: usize = 32;

/// `act RUN ACTOR TARGET CHILD [IDS]`: every row of the actor's, each in a process of its own, so
/// that what one leaves behind (a mount, a tracer) is not the next one's.
pub(crate) fn act(args: &[String]) {
    let number = |index: usize| args[index].parse::<u32>().expect("a number");
    let (run, actor) = (args[0].as_str(), args[1].as_str());
    let only = args.get(4).map_or("", String::as_str);
    for (row, attack) in ATTACKS.iter().enumerate() {
        if !only.is_empty() && !only.split(',').any(|id| id == attack.id) {
            continue;
        }
        let is_ours = |one: &&Actor| one.name() == actor && runs(run, **one);
        if !attack.actors.iter().any(|one| is_ours(&one)) {
            continue;
        }
        let pid = sys::fork();
        if pid == 0 {
            println!("{row} {}", line(row, number(2), number(3)));
            std::process::exit(0);
        }
        sys::wait(pid);
    }
}

/// `ERRNO BYTES HEX`: the answer, how much was got, and that itself.
pub(crate) fn line(row: usize, target: u32, child: u32) -> String {
    match attempt(ATTACKS[row].action, target, child) {
        // Too much for a line.
        Ok(bytes) if bytes.len() > 1 << 16 => {
            let loot = format!("{LOOT}{row}");
            fs::write(&loot, &bytes).expect("a file");
            format!("0 {} {loot}", bytes.len())
        }
        Ok(bytes) => format!("0 {} {}", bytes.len(), hex(&bytes)),
        Err(error) => format!("{} 0 ", error.raw_os_error().unwrap_or(-1)),
    }
}

/// Where an attacker leaves what does not fit into a line; the row's number is behind it.
pub(crate) const LOOT: &str = "/tmp/loot-";

/// Two digits a byte, for a line of text that holds anything.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attempt(action: Action, target: u32, child: u32) -> io::Result<Vec<u8>> {
    let below = |name: &str| {
        format!(
            "/proc/{target}/{}",
            name.replace("TID", &target.to_string())
        )
    };
    let pid = i32::try_from(target).unwrap();
    match action {
        Action::Read(name) => read(File::open(below(name))?),
        Action::ReadNode(name) => read(File::open(format!("/proc/{name}"))?),
        Action::Connect(name) => {
            let comm = fs::read_to_string(below("comm"))?;
            let address = container::address(&name.replace("WHO", comm.trim()));
            UnixStream::connect_addr(&address).map(|_| Vec::new())
        }
        Action::Iopl => sys::call(libc::SYS_iopl, [3, 0, 0, 0, 0, 0]).map(|_| Vec::new()),
        Action::UnlinkPin => pins::unlink(),
        Action::RenamePin => pins::rename(),
        Action::RenamePins => pins::rename_folder(),
        Action::Unmount(at, flags) => pins::unmount(at, flags),
        Action::Perf => perf::sample(Some(target)),
        Action::PerfCpu => perf::sample(None),
        Action::PerfUprobe => {
            let kind = fs::read_to_string("/sys/bus/event_source/devices/uprobe/type")?;
            perf::uprobe(kind.trim().parse().unwrap())
        }
        Action::BpfLoad(kind) => perf::load(kind),
        Action::BpfMaps => perf::maps(),
        Action::Open(path) => File::open(path).map(|_| Vec::new()),
        Action::OpenWrite(path) => OpenOptions::new()
            .write(true)
            .open(path)
            .map(|_| Vec::new()),
        Action::WriteNode(name) => OpenOptions::new()
            .write(true)
            .open(format!("/proc/{name}"))
            .map(|_| Vec::new()),
        Action::ReadChild(name) => read(File::open(format!("/proc/{child}/{name}"))?),
        Action::Write(name) => OpenOptions::new()
            .write(true)
            .open(below(name))
            .map(|_| Vec::new()),
        Action::Mem => marker(&File::open(below("mem"))?),
        Action::Uring("mem") => marker(&uring::open(&below("mem"), false)?),
        Action::Uring(name) => read(uring::open(&below(name), false)?),
        Action::UringPolled(name) => read(uring::open(&below(name), true)?),
        Action::Openat2(name) => read(openat2(&below("."), name)?),
        Action::OtherGroup(name) => {
            let _answer = container::register();
            read(File::open(below(name))?)
        }
        Action::Frozen => races::frozen(target, || attempt(Action::Mem, target, child)),
        Action::TracedRegistration => races::traced_registration(),
        Action::ReusedPid => races::reused_pid(),
        Action::Forks(count) => races::forks(count),
        Action::MemAll => memory::by_file(target),
        Action::VmReadAll => memory::by_call(target),
        Action::Descriptors => memory::descriptors(target),
        Action::ReadAt(name) => {
            let folder = File::open(below("."))?;
            let mut name = sys::text(name);
            let fd = usize::try_from(folder.as_raw_fd()).unwrap();
            let name = sys::address(name.as_mut_slice());
            let fd = sys::call(libc::SYS_openat, [fd, name, 0, 0, 0, 0])?;
            read(File::open(format!("/proc/self/fd/{fd}"))?)
        }
        Action::Reopen(name) => {
            let path = OpenOptions::new()
                .read(true)
                .custom_flags(libc::O_PATH)
                .open(below(name))?;
            read(File::open(format!("/proc/self/fd/{}", path.as_raw_fd()))?)
        }
        Action::SecondProcfs(name) => {
            let at = "/tmp/second";
            fs::create_dir_all(at)?;
            sys::mount("proc", at, 0)?;
            let result = File::open(format!("{at}/{target}/{name}")).and_then(read);
            let mut at = sys::text(at);
            let at = sys::address(at.as_mut_slice());
            let detach = usize::try_from(libc::MNT_DETACH).unwrap();
            sys::call(libc::SYS_umount2, [at, detach, 0, 0, 0, 0])?;
            result
        }
        Action::List(name) => {
            let names = fs::read_dir(below(name))?.map(|entry| Ok(entry?.file_name()));
            let names: Vec<_> = names.collect::<io::Result<_>>()?;
            Ok(names
                .iter()
                .flat_map(|name| name.as_encoded_bytes().to_vec())
                .collect())
        }
        Action::Link(name) => Ok(fs::read_link(below(name))?
            .into_os_string()
            .into_encoded_bytes()),
        Action::Attach => {
            sys::ptrace(libc::PTRACE_ATTACH, pid, 0)?;
            sys::wait(pid);
            let mut word = [0_u64];
            // The system call itself puts the word where its last argument says.
            let peek = usize::try_from(libc::PTRACE_PEEKDATA).unwrap();
            let to = sys::address(&mut word);
            let at = usize::try_from(target).unwrap();
            sys::call(libc::SYS_ptrace, [peek, at, MARKER_AT, to, 0, 0])?;
            sys::ptrace(libc::PTRACE_DETACH, pid, 0)?;
            Ok(word[0].to_le_bytes().to_vec())
        }
        Action::Seize => sys::ptrace(libc::PTRACE_SEIZE, pid, 0).map(|_| Vec::new()),
        Action::Traceme => traceme(false),
        Action::TracedExec => traceme(true),
        Action::ReadHeir(which, name) => {
            let comm = fs::read_to_string(below("comm"))?;
            let heir = process(&format!("{}-{which}", comm.trim()))?;
            read(File::open(format!("/proc/{heir}/{name}"))?)
        }
        Action::VmRead => vm(libc::SYS_process_vm_readv, target, MARKER_AT, MARKER),
        Action::VmWrite => vm(libc::SYS_process_vm_writev, target, MARKER_AT + MARKER, 1),
        Action::PidfdGetfd => {
            let pidfd = pidfd(target)?;
            let fd = usize::try_from(MARKER_FD).unwrap();
            let fd = sys::call(libc::SYS_pidfd_getfd, [pidfd, fd, 0, 0, 0, 0])?;
            read(File::open(format!("/proc/self/fd/{fd}"))?)
        }
        Action::Kcmp => {
            let own = usize::try_from(std::process::id()).unwrap();
            let target = usize::try_from(target).unwrap();
            // KCMP_VM
            sys::call(libc::SYS_kcmp, [own, target, 1, 0, 0, 0]).map(|_| Vec::new())
        }
        Action::Setns => {
            let space = usize::try_from(libc::CLONE_NEWNS).unwrap();
            sys::call(libc::SYS_setns, [pidfd(target)?, space, 0, 0, 0, 0]).map(|_| Vec::new())
        }
        Action::Limit(resource) => limit(target, resource).map(|_| Vec::new()),
        Action::SetLimit(resource) => {
            let mut same = limit(target, resource)?;
            let (target, new) = (usize::try_from(target).unwrap(), sys::address(&mut same));
            let resource = usize::try_from(resource).unwrap();
            sys::call(libc::SYS_prlimit64, [target, resource, new, 0, 0, 0]).map(|_| Vec::new())
        }
        Action::Signal(number) => {
            let target = usize::try_from(target).unwrap();
            let kill = |number: i32| {
                let number = usize::try_from(number).unwrap();
                sys::call(libc::SYS_kill, [target, number, 0, 0, 0, 0])
            };
            kill(number)?;
            if number == libc::SIGSTOP {
                kill(libc::SIGCONT)?;
            }
            Ok(Vec::new())
        }
    }
}

fn marker(memory: &File) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; MARKER];
    memory.read_exact_at(&mut buffer, u64::try_from(MARKER_AT).unwrap())?;
    Ok(buffer)
}

/// Relative to a folder, without symbolic links and without leaving it.
fn openat2(folder: &str, name: &str) -> io::Result<File> {
    let folder = File::open(folder)?;
    let mut name = sys::text(name);
    // `struct open_how`: flags, mode, and RESOLVE_NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH.
    let mut how = [0_u64, 0, 0x02 | 0x04 | 0x08];
    let fd = usize::try_from(folder.as_raw_fd()).unwrap();
    let (name, how) = (sys::address(name.as_mut_slice()), sys::address(&mut how));
    let fd = sys::call(libc::SYS_openat2, [fd, name, how, 24, 0, 0])?;
    Ok(File::from(sys::owned(i32::try_from(fd).unwrap())))
}

fn read(mut file: File) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; MOST];
    let length = file.read(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}

pub(crate) fn pidfd(target: u32) -> io::Result<usize> {
    let target = usize::try_from(target).unwrap();
    let fd = sys::call(libc::SYS_pidfd_open, [target, 0, 0, 0, 0, 0])?;
    Ok(usize::try_from(fd).unwrap())
}

/// A resource's limits: now, and at most.
fn limit(target: u32, resource: u32) -> io::Result<[u64; 2]> {
    let mut limit = [0_u64; 2];
    let (target, old) = (usize::try_from(target).unwrap(), sys::address(&mut limit));
    let resource = usize::try_from(resource).unwrap();
    sys::call(libc::SYS_prlimit64, [target, resource, 0, old, 0, 0])?;
    Ok(limit)
}

/// `process_vm_readv` or `writev` of some bytes.
pub(crate) fn vm(
    number: libc::c_long,
    target: u32,
    at: usize,
    length: usize,
) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0_u8; length];
    let mut own = [sys::address(buffer.as_mut_slice()), length];
    let mut theirs = [at, length];
    let target = usize::try_from(target).unwrap();
    let (own, theirs) = (sys::address(&mut own), sys::address(&mut theirs));
    sys::call(number, [target, own, 1, theirs, 1, 0])?;
    Ok(buffer)
}

/// The process of that name; what names are is open to everybody.
fn process(name: &str) -> io::Result<String> {
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let comm = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if comm.trim() == name {
            return Ok(entry.file_name().into_string().unwrap());
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// A child registers and asks to be traced by us, who are outside, and executes a program if it is
/// to; its exit status is the `errno`. It stops as soon as it has executed.
fn traceme(and_executes: bool) -> io::Result<Vec<u8>> {
    let pid = sys::fork();
    if pid == 0 {
        let _answer = container::register();
        let answer = sys::ptrace(libc::PTRACE_TRACEME, 0, 0);
        let mut error = answer.err();
        if and_executes && error.is_none() {
            error = Some(Command::new("/vm").arg("true").exec());
        }
        let errno = error.and_then(|error| error.raw_os_error());
        std::process::exit(errno.unwrap_or(0));
    }
    if and_executes {
        let status = sys::wait(pid);
        if libc::WIFSTOPPED(status) {
            sys::call(
                libc::SYS_kill,
                [usize::try_from(pid).unwrap(), 9, 0, 0, 0, 0],
            )?;
            sys::wait(pid);
            return Ok(Vec::new());
        }
        return Err(io::Error::from_raw_os_error((status >> 8) & 0xff));
    }
    match (sys::wait(pid) >> 8) & 0xff {
        0 => Ok(Vec::new()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}
