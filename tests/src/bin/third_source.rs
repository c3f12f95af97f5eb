//! `cloudtaser` with a source that the product does not have: `memory`, a JSON file.
//!
//! It shows that a source from outside needs nothing but a line in the registry, and it gives the
//! process tests secrets without a store. Not a source for anything else: its file is plain text.
//!
//! `CLOUDTASER_MEMORY_FILE` names the file, `{"PATH": {"FIELD": value}}`; every path has version 1
//! only. A value `{"bytes": "00ff"}` stands for those bytes. A write answers the path's fields, and
//! besides them `writes`, how many there were in this start, and `parameters`, what was written. A
//! ciphertext is a path of the file with the field `plaintext`. `CLOUDTASER_MEMORY_PAUSE` names a
//! FIFO: the source opens it when it has read the file, and so waits with the secrets on the heap.
#![no_main]
#![expect(
    unsafe_code,
    reason = "`main` is called by the C library's start-up code"
)]

use std::collections::BTreeMap;
use std::ffi::{c_char, c_int};

use cloudtaser_wrapper::secret::Secret;
use cloudtaser_wrapper::source::{
    Action, Fields, ReadError, Registry, Request, Source, SourceConfig, SourceError, SourceKind,
    render,
};
use cloudtaser_wrapper::sys::alloc::WipingAllocator;
use serde_json::{Map, Value};

#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator;

/// Called once by the C library.
#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, _argv: *const *const c_char) -> c_int {
    cloudtaser_wrapper::command::main(&Registry::default().with(KIND)).into()
}

const KIND: SourceKind = SourceKind {
    name: "memory",
    open,
};

struct Memory {
    secrets: Map<String, Value>,
    writes: u64,
}

fn open(_: &SourceConfig) -> Result<Box<dyn Source>, SourceError> {
    let secrets = read_file().map_err(|cause| SourceError {
        source_name: KIND.name,
        status: cloudtaser_wrapper::status::SOURCE,
        cause,
    })?;
    Ok(Box::new(Memory { secrets, writes: 0 }))
}

fn read_file() -> Result<Map<String, Value>, Box<dyn std::error::Error + Send + Sync>> {
    let file = std::env::var_os("CLOUDTASER_MEMORY_FILE").ok_or("no CLOUDTASER_MEMORY_FILE")?;
    Ok(serde_json::from_slice(&std::fs::read(file)?)?)
}

impl Source for Memory {
    fn read(
        &mut self,
        requests: &[Request],
    ) -> Result<Vec<Result<Fields, ReadError>>, SourceError> {
        let answers = requests
            .iter()
            .map(|request| self.answer(request))
            .collect();
        if let Some(fifo) = std::env::var_os("CLOUDTASER_MEMORY_PAUSE") {
            drop(std::fs::read(fifo));
        }
        Ok(answers)
    }
}

impl Memory {
    fn answer(&mut self, request: &Request) -> Result<Fields, ReadError> {
        let path = match request.action {
            Action::Decrypt => String::from("transit"),
            _ => request.path.clone(),
        };
        let Some(Value::Object(fields)) = self.secrets.get(&request.path) else {
            return Err(ReadError::NoSecret { path });
        };
        let mut values: BTreeMap<_, _> = fields
            .iter()
            .map(|(name, value)| (name.clone(), secret(value)))
            .collect();
        match &request.action {
            Action::Read {
                version: Some(version @ (0 | 2..)),
            } => {
                let version = *version;
                return Err(ReadError::NoVersion { path, version });
            }
            Action::Write { parameters } => {
                self.writes += 1;
                values.insert("writes".into(), self.writes.to_string().into());
                values.insert("parameters".into(), parameters.clone().into());
            }
            _ => {}
        }
        Ok(Fields {
            canonical_path: path,
            values,
        })
    }
}

fn secret(value: &Value) -> Secret {
    match value.get("bytes").and_then(Value::as_str) {
        Some(text) => {
            let digits = text.as_bytes().chunks_exact(2);
            let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
            Secret::new(digits.filter_map(byte).collect())
        }
        None => render(value.clone()),
    }
}
