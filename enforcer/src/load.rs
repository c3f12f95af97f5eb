//! Loads the kernel programs and attaches them.
//!
//! Attached is not enforcing: `selftest` is what proves it. The object that is answered holds the
//! links; dropping it detaches.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use aya::pin::PinError;
use aya::programs::links::FdLink;
use aya::programs::{Program, ProgramError};
use aya::{Ebpf, EbpfLoader};
use cloudtaser_abi::enforce::{ALL, Hook, TRUSTED};

use crate::Options;
use crate::btf::{Btf, BtfError};
use crate::offsets;
use crate::pins::{self, Pins, PinsError};

/// Where the kernel describes its types.
const BTF: &str = "/sys/kernel/btf/vmlinux";
/// The security modules that are active, in order.
const LSM_LIST: &str = "/sys/kernel/security/lsm";

/// Why there is no enforcement. All of it is the environment's, but for a program that the verifier
/// refuses: that is ours, and the text holds its log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum LoadError {
    /// No type description: a kernel without BTF is not supported.
    #[error("cannot read {BTF}")]
    Btf(#[source] std::io::Error),
    /// A kernel that is too old, or too new.
    #[error("cannot find the kernel's fields")]
    Field(#[from] BtfError),
    /// aya reads the same file again, for the hooks' types.
    #[error("cannot read the kernel's types")]
    Types(#[from] aya::BtfError),
    /// The object file is not there.
    #[error("cannot read {path}")]
    Object {
        /// Its path.
        path: PathBuf,
        /// What the kernel answered.
        #[source]
        source: std::io::Error,
    },
    /// Maps could not be made, or the object is malformed.
    #[error("cannot load the kernel programs")]
    Ebpf(#[from] aya::EbpfError),
    /// A control group that may trace is not there.
    #[error("cannot find the control group {path}")]
    Trusted {
        /// As the operator gave it.
        path: PathBuf,
        /// What the kernel answered.
        #[source]
        source: std::io::Error,
    },
    /// The programs have room for so many.
    #[error("at most {TRUSTED} control groups can be trusted")]
    TooManyTrusted,
    /// The object lacks a program.
    #[error("the object has no program {0}")]
    NoProgram(&'static str),
    /// One program was refused.
    #[error("cannot attach {hook}")]
    Program {
        /// The hook.
        hook: &'static str,
        /// The kernel's answer, with the verifier's log in full.
        #[source]
        source: ProgramError,
    },
    /// Pins cannot be made, or are there already.
    #[error("cannot pin the hooks")]
    Pins(#[from] PinsError),
    /// One link could not be pinned.
    #[error("cannot pin {hook}")]
    Pin {
        /// The hook.
        hook: &'static str,
        /// The kernel's answer.
        #[source]
        source: PinError,
    },
    /// The self-test could not try.
    #[error("{what} failed in the self-test")]
    Selftest {
        /// What we were doing.
        what: &'static str,
        /// What the kernel answered.
        #[source]
        source: std::io::Error,
    },
}

/// Programs, links and maps.
#[derive(Debug)]
pub(crate) struct Loaded {
    _ebpf: Ebpf,
    /// Detached when dropped, but for what is pinned.
    _links: Vec<FdLink>,
    tier: &'static str,
}

impl Loaded {
    /// What protection the node has as far as loading can tell; only trying tells more.
    pub(crate) fn tier(&self) -> &'static str {
        self.tier
    }
}

/// Loads and attaches all hooks but those that are left out.
///
/// # Errors
///
/// When one of them cannot be: a part of the hooks is no protection, so it fails closed.
pub(crate) fn load(options: &Options, pin: Option<&Path>) -> Result<Loaded, LoadError> {
    let pins = pin.map(pins::prepare).transpose()?;
    let description = std::fs::read(BTF).map_err(LoadError::Btf)?;
    let kernel = Btf::parse(&description)?;
    let (fields, reasons) = (offsets::find(&kernel)?, offsets::reasons(&kernel)?);
    let object = std::fs::read(&options.object).map_err(|source| LoadError::Object {
        path: options.object.clone(),
        source,
    })?;
    let observe = u64::from(options.is_observing);
    let mut loader = EbpfLoader::new();
    loader.allow_unsupported_maps();
    loader.override_global("OBSERVE", &observe, true);
    loader.override_global("LOCKED_REASONS", &reasons, true);
    let trusted = trusted(options)?;
    loader.override_global("TRUSTED_CGROUPS", &trusted, true);
    if let Some(pins) = &pins {
        loader.override_global("PIN_FOLDER", &pins.inode, true);
        loader.override_global("PIN_DEVICES", &pins.devices, true);
        loader.override_global("PIN_NAMESPACE", &pins.namespace, true);
    }
    for (name, offset) in &fields {
        loader.override_global(name, offset, true);
    }
    let mut ebpf = loader.load(&object)?;
    let types = aya::Btf::from_sys_fs()?;
    let mut links = Vec::new();
    for hook in ALL
        .into_iter()
        .filter(|hook| !options.without.contains(hook))
    {
        links.push((hook, attach(&mut ebpf, hook, &types)?));
    }
    // Not before all are attached: a part of them is nothing to leave behind.
    let links = links.into_iter().map(|(hook, link)| match &pins {
        Some(pins) => pinned(hook, link, pins),
        None => Ok(link),
    });
    let links = links.collect::<Result<_, _>>()?;
    Ok(Loaded {
        _ebpf: ebpf,
        _links: links,
        tier: tier(
            options,
            &std::fs::read_to_string(LSM_LIST).unwrap_or_default(),
        ),
    })
}

/// The ids of the control groups that may trace: of version 2, an id is its folder's inode number.
fn trusted(options: &Options) -> Result<[u64; TRUSTED], LoadError> {
    let mut ids = [0; TRUSTED];
    if options.trusted.len() > ids.len() {
        return Err(LoadError::TooManyTrusted);
    }
    for (id, path) in ids.iter_mut().zip(&options.trusted) {
        let folder =
            std::fs::metadata(path.join("cgroup.procs")).and_then(|_| std::fs::metadata(path));
        let folder = folder.map_err(|source| LoadError::Trusted {
            path: path.clone(),
            source,
        })?;
        *id = folder.ino();
    }
    Ok(ids)
}

fn attach(ebpf: &mut Ebpf, hook: Hook, types: &aya::Btf) -> Result<FdLink, LoadError> {
    let name = hook.name();
    let program = ebpf.program_mut(name).ok_or(LoadError::NoProgram(name))?;
    let failed = |source| LoadError::Program { hook: name, source };
    match program {
        Program::Lsm(lsm) => {
            lsm.load(name, types).map_err(failed)?;
            let id = lsm.attach().map_err(failed)?;
            Ok(lsm.take_link(id).map_err(failed)?.into())
        }
        Program::BtfTracePoint(tracepoint) => {
            tracepoint.load(name, types).map_err(failed)?;
            let id = tracepoint.attach().map_err(failed)?;
            Ok(tracepoint.take_link(id).map_err(failed)?.into())
        }
        _ => Err(LoadError::NoProgram(name)),
    }
}

/// The link, with a pin of the hook's name.
fn pinned(hook: Hook, link: FdLink, pins: &Pins) -> Result<FdLink, LoadError> {
    let hook = hook.name();
    let pinned = link.pin(pins.folder.join(hook));
    Ok(pinned
        .map_err(|source| LoadError::Pin { hook, source })?
        .into())
}

/// `none` where the programs would never be called: `bpf` is not in the list, or the list cannot be
/// read (fails closed: we claim nothing).
fn tier(options: &Options, active: &str) -> &'static str {
    if !active.trim().split(',').any(|name| name == "bpf") {
        "none"
    } else if options.is_observing {
        "observe"
    } else if options.without.is_empty() {
        "lsm"
    } else {
        "incomplete"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tier_claims_no_more_than_is_there() {
        let mut options = Options {
            object: PathBuf::new(),
            without: Vec::new(),
            is_observing: false,
            trusted: Vec::new(),
        };
        assert_eq!(tier(&options, "lockdown,yama,bpf\n"), "lsm");
        assert_eq!(tier(&options, "lockdown,bpfish"), "none");
        assert_eq!(tier(&options, ""), "none");
        options.without.push(Hook::FileOpen);
        assert_eq!(tier(&options, "bpf"), "incomplete");
        options.is_observing = true;
        assert_eq!(tier(&options, "bpf"), "observe");
    }
}
