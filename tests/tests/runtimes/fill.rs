//! A row with its words in braces replaced.

use std::path::PathBuf;

use cloudtaser_tests::marker;
use cloudtaser_tests::server::keep::free_port;

use crate::row::Row;
use crate::{materials, programs};

/// Characters of a needle: what chance does not bring about.
const NEEDLE: usize = 16;

/// What a row says, for one run of the tests.
#[derive(Debug)]
pub(crate) struct Filled {
    /// Where the secret files are; nothing is there on disk.
    pub(crate) dir: String,
    /// The row's own folder.
    pub(crate) here: PathBuf,
    pub(crate) port: u16,
    pub(crate) owner: u32,
    pub(crate) mode: u32,
    /// With the path in full.
    pub(crate) files: Vec<(String, String)>,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) beside: Vec<(String, String)>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) prepare: String,
    pub(crate) helper: Vec<String>,
    pub(crate) ready: Vec<String>,
    pub(crate) command: Vec<String>,
    pub(crate) ask: Vec<String>,
}

impl Filled {
    pub(crate) fn of(name: &str, row: &Row) -> Self {
        let here = cloudtaser_tests::server::keep::folder(name);
        // A folder that is not there: in /run, where secrets are looked for, if we may.
        let base = if rustix::process::geteuid().is_root() {
            "/run".into()
        } else {
            std::env::temp_dir()
        };
        let dir = base.join(format!("ct-{name}-{}", std::process::id()));
        let dir = dir.into_os_string().into_string().expect("UTF-8");
        let words = Words {
            dir: dir.clone(),
            here: here.to_str().expect("UTF-8").to_owned(),
            marker: marker(),
            port: free_port(),
        };
        let list = |texts: &[&str]| texts.iter().map(|text| words.fill(text)).collect();
        let pairs = |texts: &[(&str, &str)]| -> Vec<(String, String)> {
            let filled = texts
                .iter()
                .map(|(name, text)| (words.fill(name), words.fill(text)));
            filled.collect()
        };
        let mut command: Vec<String> = list(row.command);
        command[0] = programs::find(&command[0]).expect("not missing");
        let files = pairs(row.files).into_iter();
        Self {
            files: files
                .map(|(name, text)| (format!("{dir}/{name}"), text))
                .collect(),
            variables: pairs(row.variables),
            beside: pairs(row.beside),
            environment: pairs(row.environment),
            prepare: words.fill(row.prepare),
            helper: list(row.helper),
            ready: list(row.ready),
            ask: list(row.ask),
            port: words.port,
            owner: row.owner,
            mode: row.mode,
            command,
            here,
            dir,
        }
    }

    /// For each secret, a text of it that occurs nowhere else.
    pub(crate) fn needles(&self) -> Vec<String> {
        let secrets = self.files.iter().chain(&self.variables);
        let longest = secrets.filter_map(|(_, value)| {
            // The first line of a key is the same for all.
            let lines = value.split(|c: char| c.is_whitespace() || ":@=\"".contains(c));
            let random = lines.filter(|line| line.bytes().any(|byte| byte.is_ascii_digit()));
            random.max_by_key(|line| line.len())
        });
        let needles = longest.filter(|line| line.len() >= NEEDLE);
        needles.map(str::to_owned).collect()
    }
}

struct Words {
    dir: String,
    here: String,
    marker: String,
    port: u16,
}

impl Words {
    /// Braces of a program's own language stay as they are.
    fn fill(&self, text: &str) -> String {
        let (mut filled, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let word = after.split('}').next().unwrap_or_default();
            if let Some(value) = self.value(word) {
                filled.push_str(&value);
                rest = &after[word.len() + 1..];
            } else {
                filled.push('{');
                rest = after;
            }
        }
        filled + rest
    }

    fn value(&self, word: &str) -> Option<String> {
        match word {
            "dir" => Some(self.dir.clone()),
            "here" => Some(self.here.clone()),
            "marker" => Some(self.marker.clone()),
            "port" => Some(self.port.to_string()),
            _ => match word.strip_prefix("bin ") {
                Some(name) => Some(programs::find(name).expect("not missing")),
                None => materials::named(word),
            },
        }
    }
}
