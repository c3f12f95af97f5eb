//! The region's test vectors: generated here, committed as files, read by every reader.
//!
//! `CLOUDTASER_WRITE_VECTORS=1 cargo test -p cloudtaser-tests --test region_vectors` writes the
//! files anew; without the variable the tests compare.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code: a panic shows the line"
)]

mod expected;
mod hostile;
mod valid;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicU64;

use cloudtaser_abi::region::{Entry, Region, RegionError, Text};
use expected::Vector;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn all() -> Vec<Vector> {
    let mut all = valid::vectors();
    all.extend(hostile::vectors());
    all
}

fn manifest(vectors: &[Vector]) -> String {
    let regions: Vec<Value> = vectors.iter().map(Vector::manifest).collect();
    let manifest = json!({ "layout": "docs/region.md", "regions": regions });
    let mut text = serde_json::to_string_pretty(&manifest).expect("JSON");
    text.push('\n');
    text
}

fn committed() -> Vec<Value> {
    let text = fs::read_to_string(folder().join("regions.json")).expect("regions.json");
    let manifest: Value = serde_json::from_str(&text).expect("JSON");
    manifest["regions"].as_array().expect("regions").clone()
}

#[test]
fn the_committed_vectors_are_the_generated_ones() {
    let vectors = all();
    let folder = folder();
    if std::env::var_os("CLOUDTASER_WRITE_VECTORS").is_some() {
        for vector in &vectors {
            let file = folder.join(format!("{}.bin", vector.name));
            fs::write(file, &vector.bytes).expect("write vector");
        }
        fs::write(folder.join("regions.json"), manifest(&vectors)).expect("write manifest");
    }
    for vector in &vectors {
        let file = folder.join(format!("{}.bin", vector.name));
        let bytes = fs::read(&file).expect(vector.name);
        assert!(bytes == vector.bytes, "{} differs", file.display());
    }
    let text = fs::read_to_string(folder.join("regions.json")).expect("manifest");
    assert!(text == manifest(&vectors), "regions.json differs");

    let names: BTreeSet<String> = vectors.iter().map(|v| format!("{}.bin", v.name)).collect();
    assert_eq!(names.len(), vectors.len(), "names are unique");
    let found: BTreeSet<String> = fs::read_dir(&folder)
        .expect("folder")
        .map(|file| {
            file.expect("entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .filter(|name| name.ends_with(".bin"))
        .collect();
    assert_eq!(found, names, "no file without a generator");
}

/// What a reader of a file must do with its bytes: whole words only.
fn words(bytes: &[u8]) -> Vec<AtomicU64> {
    let (words, _rest) = bytes.as_chunks::<8>();
    words
        .iter()
        .map(|word| AtomicU64::new(u64::from_ne_bytes(*word)))
        .collect()
}

fn reading(bytes: &[u8]) -> Vec<String> {
    let words = words(bytes);
    let region = match Region::open(&words) {
        Ok(region) => region,
        Err(error @ RegionError::Entry { index, .. }) => {
            return vec![format!("error {} entry={index}", error.name())];
        }
        Err(error) => return vec![format!("error {}", error.name())],
    };
    let mut lines = vec![format!(
        "region protection={} generation={} entries={}",
        region.protection().number(),
        region.generation(),
        region.len()
    )];
    for (index, entry) in region.entries().enumerate() {
        lines.push(entry_line(index, &entry));
    }
    lines
}

fn entry_line(index: usize, entry: &Entry<'_>) -> String {
    let mut line = format!(
        "entry {index} reference={} path={} variable={} ",
        text(entry.reference()),
        text(entry.path()),
        text(entry.variable())
    );
    let mut value = vec![0; entry.capacity()];
    line += &match (entry.snapshot(), entry.read(&mut value)) {
        (Ok(snapshot), Ok(len)) => {
            let value = expected::value(&value[..len]);
            format!("version={} value={value}", snapshot.version)
        }
        (Err(error), _) | (_, Err(error)) => format!("error={}", error.name()),
    };
    match entry.environ() {
        Ok(None) => {}
        Ok(Some(environ)) => line += &format!(" environ={}", environ.offset),
        Err(error) => line += &format!(" environ={}", error.name()),
    }
    line
}

fn text(text: Option<Text<'_>>) -> String {
    let Some(text) = text else {
        return String::new();
    };
    let mut bytes = vec![0; text.len()];
    text.copy_to(&mut bytes).expect("texts are checked");
    expected::hex(&bytes)
}

#[test]
fn the_rust_reader_reads_every_vector_as_the_manifest_says() {
    let regions = committed();
    let refused = regions.iter().filter(|region| region["error"].is_string());
    assert!(refused.count() >= 20, "at least 20 hostile vectors");
    for region in &regions {
        let file = folder().join(region["file"].as_str().expect("file"));
        let bytes = fs::read(&file).expect("vector");
        assert_eq!(reading(&bytes), expected::lines(region), "{file:?}");
    }
}

#[test]
fn a_reader_in_c_written_from_the_document_reads_the_same() {
    let folder = tempfile::tempdir().expect("folder");
    let program = folder.path().join("region_reader");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("region-c/region_reader.c");
    let compiled = Command::new("cc")
        .args(["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&program)
        .arg(&source)
        .output();
    let compiled = match compiled {
        Ok(compiled) => compiled,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return cloudtaser_tests::skip("no C compiler `cc` on PATH");
        }
        Err(error) => panic!("cc: {error}"),
    };
    assert!(compiled.status.success(), "{compiled:?}");
    for region in committed() {
        let file = self::folder().join(region["file"].as_str().expect("file"));
        let output = Command::new(&program).arg(&file).output().expect("run");
        assert!(output.status.success(), "{file:?}: {output:?}");
        let printed = String::from_utf8(output.stdout).expect("ASCII");
        let printed: Vec<String> = printed.lines().map(digest_value).collect();
        assert_eq!(printed, expected::lines(&region), "{file:?}");
    }
}

/// The C program prints whole values in hex; the manifest has digests of long ones.
fn digest_value(line: &str) -> String {
    let fields = line.split(' ').map(|field| {
        let value = field.strip_prefix("value=");
        value.map_or_else(
            || field.to_owned(),
            |value| format!("value={}", digest(value)),
        )
    });
    fields.collect::<Vec<_>>().join(" ")
}

fn digest(value: &str) -> String {
    let (_len, hex) = value.split_once(':').expect("length and bytes");
    let (pairs, _rest) = hex.as_bytes().as_chunks::<2>();
    let bytes: Vec<u8> = pairs
        .iter()
        .map(|pair| {
            let digits = std::str::from_utf8(pair).expect("ASCII");
            u8::from_str_radix(digits, 16).expect("hex")
        })
        .collect();
    expected::value(&bytes)
}
