//! `cloudtaser.toml`: read, checked, with the position of every mistake and no value in a message.
//!
//! The keys are those of the long options with `_` for `-`. Parsing TOML is the `toml` crate's;
//! this module walks the parsed table itself instead of deriving `Deserialize`, because derived
//! errors quote values, and a value may be a secret in the wrong place.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::files::{self, FileOption};
use super::server::{self, FileServer};

/// Everything that the file may say; absent keys are `None` or empty.
#[derive(Debug, Default)]
pub struct FileConfig {
    /// `[env]`: variable name → text, in the file's order.
    pub env: Vec<(String, String)>,
    /// `env_from`
    pub env_from: Vec<String>,
    /// `[file]`, in the file's order.
    pub file: Vec<FileOption>,
    /// `files`, relative to the file's folder.
    pub files: Vec<String>,
    /// `delivery`
    pub delivery: Option<String>,
    /// `preload_library`, relative to the file's folder.
    pub preload_library: Option<PathBuf>,
    /// `follow_children`
    pub follow_children: Option<bool>,
    /// `env_static`
    pub env_static: Option<String>,
    /// `literal`
    pub literal: Vec<String>,
    /// `inherit`: a text, or an array joined with commas.
    pub inherit: Option<String>,
    /// `pass`
    pub pass: Vec<String>,
    /// `source`
    pub source: Option<String>,
    /// `store`, relative to the file's folder.
    pub store: Option<PathBuf>,
    /// `identity`, relative to the file's folder.
    pub identity: Vec<PathBuf>,
    /// `passphrase_file`, relative to the file's folder.
    pub passphrase_file: Option<PathBuf>,
    /// `min_protection`
    pub min_protection: Option<String>,
    /// `enforcer`
    pub enforcer: Option<String>,
    /// `exec`
    pub exec: Option<bool>,
    /// Everything about the server.
    pub server: FileServer,
}

/// The keys of the file, for suggestions.
const KEYS: [&str; 18] = [
    "delivery",
    "enforcer",
    "env",
    "env_from",
    "env_static",
    "exec",
    "file",
    "files",
    "follow_children",
    "identity",
    "inherit",
    "literal",
    "min_protection",
    "pass",
    "passphrase_file",
    "preload_library",
    "source",
    "store",
];

/// What is wrong with a configuration file. Exit status 64.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read the configuration file `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: std::io::Error,
    },
    /// Somebody else could have written it.
    #[error("the configuration file `{}` {reason}; it decides what runs with your secrets", path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// What is wrong with its owner or mode, and the fix.
        reason: &'static str,
    },
    /// It is not TOML, or says something that it cannot say.
    #[error("{}:{line}:{column}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
        /// What is wrong and what is expected; never a value of the file.
        problem: String,
    },
}

/// Parses the text of a configuration file; `path` is for messages and relative paths.
///
/// # Errors
///
/// [`FileError::Content`] for the first mistake.
pub fn parse(path: &Path, text: &str) -> Result<FileConfig, FileError> {
    let fail = |at: usize, problem: String| {
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
        FileError::Content {
            path: path.to_owned(),
            line,
            column,
            problem,
        }
    };
    let table = DeTable::parse(text).map_err(|error| {
        // The parser's own message may quote what it found.
        fail(
            error.span().map_or(0, |span| span.start),
            String::from("this is not valid TOML"),
        )
    })?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let mut config = FileConfig::default();
    for (key, value) in table.get_ref() {
        apply(&mut config, folder, key.get_ref(), value).map_err(|problem| {
            fail(problem.at.unwrap_or_else(|| key.span().start), problem.text)
        })?;
    }
    Ok(config)
}

struct Problem {
    /// Byte offset; the key's own when absent.
    at: Option<usize>,
    text: String,
}

fn apply(
    config: &mut FileConfig,
    folder: &Path,
    key: &str,
    value: &Spanned<DeValue<'_>>,
) -> Result<(), Problem> {
    match key {
        "env" => config.env = env_table(value)?,
        "env_from" => config.env_from = texts(key, value)?,
        "file" => config.file = file_table(value)?,
        "files" => config.files = texts(key, value)?,
        "delivery" => config.delivery = Some(text(key, value)?),
        "preload_library" => config.preload_library = Some(folder.join(text(key, value)?)),
        "follow_children" => config.follow_children = Some(boolean(key, value)?),
        "env_static" => config.env_static = Some(text(key, value)?),
        "literal" => config.literal = texts(key, value)?,
        "inherit" => config.inherit = Some(texts(key, value)?.join(",")),
        "pass" => config.pass = texts(key, value)?,
        "source" => config.source = Some(text(key, value)?),
        "store" => config.store = Some(folder.join(text(key, value)?)),
        "identity" => {
            config.identity = texts(key, value)?
                .iter()
                .map(|file| folder.join(file))
                .collect();
        }
        "passphrase_file" => config.passphrase_file = Some(folder.join(text(key, value)?)),
        "min_protection" => config.min_protection = Some(text(key, value)?),
        "enforcer" => config.enforcer = Some(text(key, value)?),
        "exec" => config.exec = Some(boolean(key, value)?),
        other => match server::file_key(other) {
            Some((key, is_path)) => {
                let text = server_text(key, value)?;
                let is_path = is_path && !server::is_local_reference(&text);
                let joined = || folder.join(&text).to_string_lossy().into_owned();
                let text = if is_path { joined() } else { text };
                config.server.insert(key, text);
            }
            None => {
                return Err(Problem {
                    at: None,
                    text: unknown_key(other),
                });
            }
        },
    }
    Ok(())
}

/// A text, or what reads like one: numbers and booleans need no quotes, several addresses may be
/// an array.
fn server_text(key: &str, value: &Spanned<DeValue<'_>>) -> Result<String, Problem> {
    match value.get_ref() {
        DeValue::Boolean(flag) => Ok(flag.to_string()),
        DeValue::Integer(number) => Ok(number.to_string()),
        _ => Ok(texts(key, value)?.join(",")),
    }
}

fn unknown_key(key: &str) -> String {
    // A key is printed only when it resembles one of ours: anything else may be a misplaced value.
    let keys = || {
        KEYS.into_iter()
            .chain(server::FILE_KEYS.map(|(key, _)| key))
    };
    let nearest = keys()
        .map(|known| (strsim::damerau_levenshtein(known, key), known))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    match nearest {
        Some((_, known)) => format!("unknown key `{key}`; did you mean `{known}`?"),
        None => {
            let keys: Vec<_> = keys().collect();
            format!("unknown key; the keys are {}", keys.join(", "))
        }
    }
}

fn wrong_type(key: &str, expected: &str, value: &Spanned<DeValue<'_>>) -> Problem {
    let found = value.get_ref().type_str();
    let text = format!("`{key}` must be {expected}, not of type {found}");
    Problem {
        at: Some(value.span().start),
        text,
    }
}

fn text(key: &str, value: &Spanned<DeValue<'_>>) -> Result<String, Problem> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        _ => Err(wrong_type(key, "a text", value)),
    }
}

fn boolean(key: &str, value: &Spanned<DeValue<'_>>) -> Result<bool, Problem> {
    match value.get_ref() {
        DeValue::Boolean(flag) => Ok(*flag),
        _ => Err(wrong_type(key, "true or false", value)),
    }
}

/// A text, or an array of texts.
fn texts(key: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, Problem> {
    match value.get_ref() {
        DeValue::Array(items) => items.iter().map(|item| text(key, item)).collect(),
        DeValue::String(_) => Ok(vec![text(key, value)?]),
        _ => Err(wrong_type(key, "a text or an array of texts", value)),
    }
}

/// `"/path" = "text"` or `"/path" = { value = "text", mode = "0440", … }`. The keys are paths, and
/// so are not repeated when one of them has a mistake: the position says which.
fn file_table(value: &Spanned<DeValue<'_>>) -> Result<Vec<FileOption>, Problem> {
    let DeValue::Table(table) = value.get_ref() else {
        return Err(wrong_type("file", "a table of \"/path\" = \"text\"", value));
    };
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(path, _)| path.span().start);
    let options = pairs.into_iter().map(|(path, value)| {
        let mut option = FileOption {
            path: path.get_ref().clone().into_owned(),
            ..FileOption::default()
        };
        match value.get_ref() {
            DeValue::Table(_) => file_attributes(&mut option, value)?,
            _ => option.text = text("a file", value)?,
        }
        Ok(option)
    });
    options.collect()
}

fn file_attributes(option: &mut FileOption, value: &Spanned<DeValue<'_>>) -> Result<(), Problem> {
    let fail = |at: usize, text: &str| Problem {
        at: Some(at),
        text: format!("this file cannot be delivered: {text}"),
    };
    let DeValue::Table(table) = value.get_ref() else {
        return Ok(());
    };
    let content = table.get("value");
    let content = content.ok_or_else(|| fail(value.span().start, "it has no `value`"))?;
    option.text = text("value", content)?;
    for (key, value) in table.iter().filter(|(key, _)| key.get_ref() != "value") {
        let text = server_text("an attribute of a file", value)?;
        files::set(&mut option.attributes, key.get_ref(), &text)
            .map_err(|problem| fail(key.span().start, problem))?;
    }
    Ok(())
}

fn env_table(value: &Spanned<DeValue<'_>>) -> Result<Vec<(String, String)>, Problem> {
    let DeValue::Table(table) = value.get_ref() else {
        return Err(wrong_type("env", "a table of NAME = \"text\"", value));
    };
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(name, _)| name.span().start);
    pairs
        .into_iter()
        .map(|(name, value)| {
            Ok((
                name.get_ref().clone().into_owned(),
                text(name.get_ref(), value)?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        parse(Path::new("dir/cloudtaser.toml"), text)
            .expect_err("a mistake")
            .to_string()
    }

    #[test]
    fn every_key_is_read() {
        let config = parse(
            Path::new("dir/cloudtaser.toml"),
            "source = 'local'\nstore = 's.age'\nidentity = ['a', '/b']\npassphrase_file = 'p'\n\
             min_protection = 'locked'\nenforcer = 'off'\nexec = true\ninherit = ['A', 'B']\n\
             pass = 'VAULT_ADDR'\nliteral = ['L']\nenv_from = ['vault:x']\n\
             [env]\nZ = 'vault:a#b'\nA = 'plain'\n",
        )
        .expect("valid");
        assert_eq!(config.store, Some("dir/s.age".into()));
        assert_eq!(config.identity, [PathBuf::from("dir/a"), "/b".into()]);
        assert_eq!(config.inherit.as_deref(), Some("A,B"));
        assert_eq!(
            config.env.first().map(|(name, _)| name.as_str()),
            Some("Z"),
            "file order"
        );
        assert_eq!((config.exec, config.pass.len()), (Some(true), 1));
    }

    #[test]
    fn files_and_their_delivery_are_read() {
        let config = parse(
            Path::new("dir/cloudtaser.toml"),
            "files = ['t=/run/t']\ndelivery = 'preload'\npreload_library = 'p.so'\n\
             follow_children = false\nenv_static = 'plain'\n[file]\n'/b' = 'vault:x#y'\n\
             '/a,=' = { value = '@t', mode = '0440', owner = '1:2', opens = 3 }\n",
        )
        .expect("valid");
        let [plain, full] = config.file.as_slice() else {
            panic!("{:?}", config.file);
        };
        assert_eq!(
            (plain.path.as_str(), plain.text.as_str()),
            ("/b", "vault:x#y")
        );
        assert_eq!((full.path.as_str(), full.text.as_str()), ("/a,=", "@t"));
        let attributes = full.attributes;
        assert_eq!((attributes.mode, attributes.opens), (0o440, 3));
        assert_eq!(attributes.owner, Some((1, 2)));
        assert_eq!(config.preload_library, Some("dir/p.so".into()));
        assert_eq!(config.follow_children, Some(false));
    }

    #[test]
    fn mistakes_have_a_position_and_a_suggestion() {
        assert_eq!(
            problem("# x\nenforcr = 'off'\n"),
            "dir/cloudtaser.toml:2:1: unknown key `enforcr`; did you mean `enforcer`?"
        );
        assert_eq!(
            problem("exec = 'yes'"),
            "dir/cloudtaser.toml:1:8: `exec` must be true or false, not of type string"
        );
        let of_file = |text: &str| problem(&format!("[file]\n'/a' = {text}\n"));
        assert!(
            of_file("1").contains("`a file` must be a text"),
            "{}",
            of_file("1")
        );
        assert!(of_file("{ mode = '0440' }").contains("no `value`"));
        assert!(of_file("{ value = 'x', mode = 'hunter2' }").contains("permission bits"));
        assert!(of_file("{ value = 'x', hunter2 = '1' }").contains("mode, owner, opens"));
        assert!(of_file("{ value = 'x', mode = [1] }").contains("must be a text"));
    }

    #[test]
    fn no_message_holds_a_value() {
        for text in [
            "exec = 'hunter2'",
            "hunter2 = 1",
            "store = hunter2",
            "[env]\nA = ['hunter2']",
            "source = 'hunter2",
            "a hunter2",
            "[file]\n'/a' = { value = 'x', hunter2 = 'x' }",
            "[file]\n'/a' = { value = 'x', mode = 'hunter2' }",
            "[file]\n'/a' = ['hunter2', 1]",
        ] {
            assert!(!problem(text).contains("hunter2"), "{}", problem(text));
        }
    }
}
