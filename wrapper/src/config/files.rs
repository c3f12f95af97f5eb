//! Files for the program, as `--file` and the table `[file]` write them.
//!
//! What stands behind `@` is read here; whether path and text can be used is the plan's to say.
//! No message repeats the text: it may be a secret in the wrong place.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::plan::FileWish;
use crate::region::FileAttributes;

/// Longest template that is read, in bytes. Chosen: the largest object that Kubernetes mounts as
/// files, a ConfigMap or Secret, has 1 MiB.
pub(super) const MAX_TEMPLATE_BYTES: u64 = 1 << 20;

/// A file for the program as it is written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FileOption {
    /// Where the program finds it.
    pub path: String,
    /// How it looks.
    pub attributes: FileAttributes,
    /// Its content, or `@` and the file that has it.
    pub text: String,
}

/// Why a template cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The kernel refuses.
    #[error("its file cannot be read")]
    Read(#[from] io::Error),
    /// A pipe, say: a start reads its configuration twice, once before it executes itself anew.
    #[error("it is no regular file")]
    NotRegular,
    /// Longer than [`MAX_TEMPLATE_BYTES`].
    #[error("it has more than 1 MiB")]
    TooLong,
    /// No text.
    #[error("it is not UTF-8 text; bytes are delivered with a reference to them")]
    NotText,
}

/// Reads `PATH[,mode=0440][,owner=UID:GID][,opens=N]=TEXT`.
///
/// # Errors
///
/// What is wrong, without the text.
pub fn parse_option(option: &str) -> Result<FileOption, &'static str> {
    let end = option.find([',', '=']).ok_or("it has no `=`")?;
    let (path, mut rest) = option.split_at_checked(end).unwrap_or((option, ""));
    let mut attributes = FileAttributes::default();
    while let Some(attribute) = rest.strip_prefix(',') {
        let (key, value) = attribute
            .split_once('=')
            .ok_or("an attribute in it has no `=`")?;
        let end = value
            .find([',', '='])
            .ok_or("it has attributes and no `=TEXT` behind them")?;
        let (value, behind) = value.split_at_checked(end).unwrap_or((value, ""));
        set(&mut attributes, key, value)?;
        rest = behind;
    }
    Ok(FileOption {
        path: path.into(),
        attributes,
        text: rest.strip_prefix('=').unwrap_or(rest).into(),
    })
}

/// Sets the attribute `key` to what `value` says.
///
/// # Errors
///
/// What is wrong, without the value.
pub fn set(attributes: &mut FileAttributes, key: &str, value: &str) -> Result<(), &'static str> {
    match key {
        "mode" => {
            attributes.mode = mode(value)
                .ok_or("its `mode` is not one of permission bits, such as 0440, up to 0777")?;
        }
        "owner" => {
            let owner = owner(value).ok_or("its `owner` is not UID:GID, two numbers")?;
            attributes.owner = Some(owner);
        }
        "opens" => {
            let opens = value.parse().ok().filter(|opens| *opens > 0);
            attributes.opens = opens.ok_or("its `opens` is not a number from 1 on")?;
        }
        _ => {
            return Err(
                "it has an attribute that is none of mode, owner, opens; a path with `,` \
                        or `=` in it can only be written in the configuration file",
            );
        }
    }
    Ok(())
}

/// Octal; 0 is refused, because it stands for "not said".
fn mode(text: &str) -> Option<u32> {
    let is_octal = (1..=4).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
    let mode = u32::from_str_radix(text, 8).ok();
    mode.filter(|mode| is_octal && (1..=0o777).contains(mode))
}

/// Two numbers; the largest one means "nobody" to the kernel (`(uid_t) -1`).
fn owner(text: &str) -> Option<(u32, u32)> {
    let (user, group) = text.split_once(':')?;
    let number = |text: &str| {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|id| is_plain && *id != u32::MAX)
    };
    number(user).zip(number(group))
}

/// The file with its text, which is read from `@FILE`, below `folder`, if that stands there; `@@`
/// begins a text with `@`.
///
/// # Errors
///
/// [`TemplateError`].
pub fn wish(option: FileOption, folder: &Path) -> Result<FileWish, TemplateError> {
    let (text, is_document) = match option.text.strip_prefix('@') {
        Some(rest) if rest.starts_with('@') => (rest.into(), false),
        Some(file) => (read_template(&folder.join(file), 0)?, true),
        None => (option.text, false),
    };
    Ok(FileWish {
        path: option.path,
        attributes: option.attributes,
        text,
        is_document,
    })
}

/// All of a template, opened with `flags` and without waiting for a pipe's writer or becoming a
/// terminal's owner.
pub(super) fn read_template(path: &Path, flags: i32) -> Result<String, TemplateError> {
    let flags = flags | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(TemplateError::NotRegular);
    }
    let mut bytes = Vec::new();
    file.take(MAX_TEMPLATE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_TEMPLATE_BYTES {
        return Err(TemplateError::TooLong);
    }
    String::from_utf8(bytes).map_err(|_not_text| TemplateError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(text: &str) -> FileOption {
        parse_option(text).expect(text)
    }

    #[test]
    fn path_attributes_and_text_are_told_apart() {
        let plain = option("/run/a=vault:secret/db#a=b,mode=x");
        assert_eq!(plain.path, "/run/a");
        assert_eq!(plain.text, "vault:secret/db#a=b,mode=x");
        assert_eq!(plain.attributes, FileAttributes::default());
        let all = option("/run/a,mode=0440,owner=10:20,opens=3=a\n${vault:x#y}");
        let attributes = FileAttributes {
            mode: 0o440,
            owner: Some((10, 20)),
            opens: 3,
        };
        assert_eq!(all.attributes, attributes);
        assert_eq!(all.text, "a\n${vault:x#y}");
        assert_eq!(option("/a,opens=1=").text, "");
        assert_eq!(option("/a,mode=7=x").attributes.mode, 7);
    }

    #[test]
    fn mistakes_are_named_and_the_text_is_not() {
        for (text, said) in [
            ("/run/a", "no `=`"),
            ("", "no `=`"),
            ("/run/a,hunter2", "attribute in it has no `=`"),
            ("/run/a,mode=0440", "no `=TEXT`"),
            ("/run/a,mode=hunter2=x", "mode"),
            ("/run/a,mode=0=x", "mode"),
            ("/run/a,mode=01000=x", "mode"),
            ("/run/a,mode=1777=x", "mode"),
            ("/run/a,mode=+44=x", "mode"),
            ("/run/a,mode==x", "mode"),
            ("/run/a,owner=10=x", "owner"),
            ("/run/a,owner=+1:2=x", "owner"),
            ("/run/a,owner=4294967295:0=x", "owner"),
            ("/run/a,owner=:=x", "owner"),
            ("/run/a,opens=0=x", "opens"),
            ("/run/a,opens=-1=x", "opens"),
            ("/run/a,opens=4294967296=x", "opens"),
            ("/run/a,hunter2=x=hunter2", "none of mode, owner, opens"),
            ("/run/a,b=vault:hunter2,c=x", "configuration file"),
        ] {
            let fault = parse_option(text).expect_err(text);
            assert!(fault.contains(said), "{text}: {fault}");
            assert!(!fault.contains("hunter2"));
        }
    }

    #[test]
    fn a_template_is_read_from_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let of = |text: &str| wish(option(&format!("/a={text}")), folder.path());
        std::fs::write(folder.path().join("t"), "a\n${vault:x}\n").expect("written");
        let read = of("@t").expect("read");
        assert_eq!(
            (read.text.as_str(), read.is_document),
            ("a\n${vault:x}\n", true)
        );
        assert_eq!(of("@@t").expect("text").text, "@t");
        assert!(matches!(of("@none"), Err(TemplateError::Read(_))));
        assert!(matches!(of("@."), Err(TemplateError::NotRegular)));
        assert!(matches!(of("@/dev/null"), Err(TemplateError::NotRegular)));
        std::fs::write(folder.path().join("t"), b"\xff").expect("written");
        assert!(matches!(of("@t"), Err(TemplateError::NotText)));
        std::fs::write(folder.path().join("t"), vec![b'a'; (1 << 20) + 1]).expect("written");
        assert!(matches!(of("@t"), Err(TemplateError::TooLong)));
        std::fs::write(folder.path().join("t"), vec![b'a'; 1 << 20]).expect("written");
        assert_eq!(of("@t").expect("read").text.len(), 1 << 20);
    }
}
