//! What the preload library is handed at the program's start: `docs/preload.md` is the contract.
//!
//! [`environment`] is pure; [`Descriptors`] has the files behind the numbers; [`report`] reads
//! what the library says of programs that it cannot reach.

mod descriptors;
pub mod report;

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use cloudtaser_abi::handover::{HANDOVER_MAX, Handover};
use cloudtaser_abi::names::{ENV_PRELOAD, ENV_REGION_FD, ENV_SLOT};

pub use descriptors::{Descriptors, HandoverError};

/// The linker's variable that names libraries to load before all others (ld.so(8)).
///
/// It cannot be a secret: the linker reads it from the kernel's copy of the environment, and prints
/// what it cannot load.
pub const LD_PRELOAD: &str = "LD_PRELOAD";

/// The environment of a program that loads the preload library: `strings` (`NAME=value`) without
/// what only we may say, then ours, and for each of `slots` (indices of entries) a place into which
/// the library puts a variable. No secret is in it.
#[must_use]
pub fn environment(
    mut strings: Vec<CString>,
    library: &Path,
    region: u32,
    handover: &Handover,
    slots: impl IntoIterator<Item = usize>,
) -> Vec<CString> {
    let users = strings
        .iter()
        .rev()
        .find_map(|string| value_of(string, LD_PRELOAD.as_bytes()));
    let mut libraries = library.as_os_str().as_bytes().to_vec();
    // The linker takes the last one of that name, and skips an empty list.
    if let Some(users) = users.filter(|users| !users.is_empty()) {
        libraries.push(b':');
        libraries.extend_from_slice(users);
    }
    let ours = [
        LD_PRELOAD.as_bytes(),
        ENV_REGION_FD.as_bytes(),
        ENV_PRELOAD.as_bytes(),
        ENV_SLOT.as_bytes(),
    ];
    strings.retain(|string| ours.iter().all(|name| value_of(string, name).is_none()));
    let mut text = [0; HANDOVER_MAX];
    let written = handover.write(&mut text).unwrap_or_default();
    let text = text.get(..written).unwrap_or_default();
    strings.push(assignment(LD_PRELOAD, &libraries));
    strings.push(assignment(ENV_REGION_FD, region.to_string().as_bytes()));
    strings.push(assignment(ENV_PRELOAD, text));
    let slots = slots.into_iter();
    strings.extend(slots.map(|slot| assignment(ENV_SLOT, slot.to_string().as_bytes())));
    strings
}

/// The environment of a program that reads the region itself: `strings` without what only we may
/// say, and the region's descriptor.
#[must_use]
pub fn sdk_environment(mut strings: Vec<CString>, region: u32) -> Vec<CString> {
    let ours = [
        ENV_REGION_FD.as_bytes(),
        ENV_PRELOAD.as_bytes(),
        ENV_SLOT.as_bytes(),
    ];
    strings.retain(|string| ours.iter().all(|name| value_of(string, name).is_none()));
    strings.push(assignment(ENV_REGION_FD, region.to_string().as_bytes()));
    strings
}

fn value_of<'s>(string: &'s CString, name: &[u8]) -> Option<&'s [u8]> {
    string.as_bytes().strip_prefix(name)?.strip_prefix(b"=")
}

/// What is assigned holds no NUL: a path that the kernel gave us, C strings, and numbers.
fn assignment(name: &str, value: &[u8]) -> CString {
    let mut text = OsStr::new(name).as_bytes().to_vec();
    text.push(b'=');
    text.extend_from_slice(value);
    CString::new(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(strings: &[&str], slots: &[usize]) -> Vec<String> {
        let strings = strings
            .iter()
            .map(|text| CString::new(*text).expect("no NUL"));
        let handover = Handover {
            report: Some(960),
            ledger: None,
            root: Some((1, 2)),
            scan: None,
        };
        let library = Path::new("/opt/lib.so");
        let all = environment(
            strings.collect(),
            library,
            961,
            &handover,
            slots.iter().copied(),
        );
        all.into_iter()
            .map(|text| text.into_string().expect("text"))
            .collect()
    }

    #[test]
    fn ours_stand_behind_what_the_program_has_anyway() {
        assert_eq!(
            built(&["PATH=/bin", "A=1"], &[0, 12]),
            [
                "PATH=/bin",
                "A=1",
                "LD_PRELOAD=/opt/lib.so",
                "CLOUDTASER_REGION_FD=961",
                "CLOUDTASER_PRELOAD=960:-:1:2:-",
                "CLOUDTASER_SLOT=0",
                "CLOUDTASER_SLOT=12",
            ]
        );
    }

    #[test]
    fn a_program_that_reads_the_region_is_told_its_number_alone() {
        let strings = ["A=1", "CLOUDTASER_REGION_FD=1", "LD_PRELOAD=a.so"];
        let strings = strings.map(|text| CString::new(text).expect("no NUL"));
        let told = sdk_environment(strings.to_vec(), 961);
        let told: Vec<_> = told
            .iter()
            .map(|text| text.to_str().expect("text"))
            .collect();
        assert_eq!(told, ["A=1", "LD_PRELOAD=a.so", "CLOUDTASER_REGION_FD=961"]);
    }

    #[test]
    fn the_users_libraries_come_behind_ours() {
        let preload = |strings: &[&str]| {
            let mut all = built(strings, &[]);
            all.retain(|string| string.starts_with("LD_PRELOAD"));
            all
        };
        assert_eq!(
            preload(&["LD_PRELOAD=a.so:b.so"]),
            ["LD_PRELOAD=/opt/lib.so:a.so:b.so"]
        );
        assert_eq!(preload(&["LD_PRELOAD="]), ["LD_PRELOAD=/opt/lib.so"]);
        assert_eq!(
            preload(&["LD_PRELOAD=a.so", "LD_PRELOAD=b.so"]),
            ["LD_PRELOAD=/opt/lib.so:b.so"]
        );
        assert_eq!(preload(&["LD_PRELOADED=x"]).len(), 2);
    }

    #[test]
    fn nobody_else_says_what_is_ours() {
        let hostile = [
            "CLOUDTASER_SLOT=7",
            "CLOUDTASER_REGION_FD=1",
            "CLOUDTASER_PRELOAD=x",
        ];
        assert_eq!(built(&hostile, &[3]), built(&[], &[3]));
        assert!(built(&["CLOUDTASER_SLOTS=1"], &[]).contains(&"CLOUDTASER_SLOTS=1".into()));
    }
}
