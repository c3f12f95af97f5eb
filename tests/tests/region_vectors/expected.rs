//! What a reader must find in a vector, and how that is written into the manifest and as lines.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The longest value that the manifest holds itself; of longer ones it holds the digest. Chosen.
const LONGEST_INLINE: usize = 64;

/// One region as a file, and its reading.
pub(crate) struct Vector {
    /// The file's name without `.bin`.
    pub(crate) name: &'static str,
    /// What is special about it, one line.
    pub(crate) about: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) expected: Expected,
}

pub(crate) enum Expected {
    /// `open` refuses it with this name, and this entry.
    Refused(&'static str, Option<usize>),
    Open(Reading),
}

#[derive(Clone, Default)]
pub(crate) struct Reading {
    pub(crate) protection: u32,
    pub(crate) generation: u64,
    pub(crate) entries: Vec<EntryReading>,
}

#[derive(Clone)]
pub(crate) struct EntryReading {
    pub(crate) version: u64,
    pub(crate) reference: String,
    pub(crate) path: String,
    pub(crate) variable: String,
    /// The value, or the name of the error.
    pub(crate) value: Result<Vec<u8>, &'static str>,
    /// Where the environment string stands, if the entry is one, or the name of the error.
    pub(crate) environ: Option<Result<usize, &'static str>>,
}

impl Default for Expected {
    fn default() -> Self {
        Self::Open(Reading::default())
    }
}

impl Vector {
    pub(crate) fn manifest(&self) -> Value {
        let mut object = json!({ "file": format!("{}.bin", self.name), "about": self.about });
        match &self.expected {
            Expected::Refused(error, entry) => {
                object["error"] = json!(error);
                if let Some(entry) = entry {
                    object["error_entry"] = json!(entry);
                }
            }
            Expected::Open(reading) => {
                object["protection"] = json!(reading.protection);
                object["generation"] = json!(reading.generation);
                let entries = reading.entries.iter().map(EntryReading::manifest);
                object["entries"] = entries.collect();
            }
        }
        object
    }
}

impl EntryReading {
    fn manifest(&self) -> Value {
        let mut object = json!({
            "reference": self.reference,
            "path": self.path,
            "variable": self.variable,
        });
        match &self.value {
            Ok(value) => {
                object["version"] = json!(self.version);
                object["len"] = json!(value.len());
                if value.len() <= LONGEST_INLINE {
                    object["value_hex"] = json!(hex(value));
                } else {
                    object["value_sha256"] = json!(hex(&Sha256::digest(value)));
                }
            }
            Err(error) => object["error"] = json!(error),
        }
        match &self.environ {
            None => {}
            Some(Ok(offset)) => object["environ_offset"] = json!(offset),
            Some(Err(error)) => object["environ_error"] = json!(error),
        }
        object
    }
}

/// The manifest's reading of one vector as lines, the form that every reader prints.
pub(crate) fn lines(vector: &Value) -> Vec<String> {
    if let Some(error) = vector["error"].as_str() {
        return match vector["error_entry"].as_u64() {
            Some(entry) => vec![format!("error {error} entry={entry}")],
            None => vec![format!("error {error}")],
        };
    }
    let entries = vector["entries"].as_array().expect("entries");
    let mut lines = vec![format!(
        "region protection={} generation={} entries={}",
        vector["protection"],
        vector["generation"],
        entries.len()
    )];
    for (index, entry) in entries.iter().enumerate() {
        let text = |field: &str| hex(entry[field].as_str().expect("text").as_bytes());
        let mut line = format!(
            "entry {index} reference={} path={} variable={} ",
            text("reference"),
            text("path"),
            text("variable")
        );
        line += &match entry["error"].as_str() {
            Some(error) => format!("error={error}"),
            None => {
                let value = entry["value_hex"].as_str();
                let value = value.or_else(|| entry["value_sha256"].as_str());
                let (version, len) = (&entry["version"], &entry["len"]);
                format!("version={version} value={len}:{}", value.expect("value"))
            }
        };
        if let Some(offset) = entry["environ_offset"].as_u64() {
            line += &format!(" environ={offset}");
        }
        if let Some(error) = entry["environ_error"].as_str() {
            line += &format!(" environ={error}");
        }
        lines.push(line);
    }
    lines
}

/// A value as it stands in a line: its length, and its bytes in hex or their digest.
pub(crate) fn value(bytes: &[u8]) -> String {
    let shown = if bytes.len() <= LONGEST_INLINE {
        hex(bytes)
    } else {
        hex(&Sha256::digest(bytes))
    };
    format!("{}:{shown}", bytes.len())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
