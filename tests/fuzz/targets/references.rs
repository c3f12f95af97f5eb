//! The readers of references over any text: one reference, a whole value, all keys of a path.
//!
//! Besides not crashing: a fault's column lies inside the text, at the beginning of a character;
//! canonical text reads back as the same; and parameters do not depend on how they were spelled.
#![no_main]
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the wrapper's modules are included for what this target reads"
)]

use libfuzzer_sys::fuzz_target;

// The modules themselves and not the crate: its dependencies (TLS, HTTP) would be built with
// instrumentation too, for nothing that is read here.
#[path = "../../../wrapper/src/reference/mod.rs"]
mod reference;
#[path = "../../../wrapper/src/secret.rs"]
mod secret;
#[path = "../../../wrapper/src/status.rs"]
mod status;

use reference::{
    Fallback, Parameters, Reference, ReferenceError, Schemes, Target, parse, parse_env_from,
    template,
};

fn check_fault(text: &str, error: &ReferenceError) {
    let at = error.place().column - 1;
    assert!(text.is_char_boundary(at), "{error}");
    let _ = error.to_string();
}

/// The canonical text with what it does not show itself, and without a default.
fn readable(reference: &Reference) -> (Reference, String) {
    let mut bare = reference.clone();
    if let Fallback::Default(_) = bare.fallback {
        bare.fallback = Fallback::Required;
    }
    let text = match &bare.target {
        Target::Read { .. } => bare.to_string(),
        Target::Write { parameters, .. } if parameters.is_empty() => bare.to_string(),
        Target::Decrypt { ciphertext } => {
            let (_, body) = ciphertext.split_once(':').expect("the server's prefix");
            format!("{}:{body}", bare.scheme)
        }
        Target::Write { parameters, .. } => {
            let mut short = bare.clone();
            if let Target::Write { parameters, .. } = &mut short.target {
                *parameters = Parameters::default();
            }
            short.fallback = Fallback::Required;
            let suffix = if bare.fallback == Fallback::Optional {
                "?"
            } else {
                ""
            };
            format!("{short}#{}{suffix}", parameters.expose())
        }
    };
    (bare, text)
}

fn check_reference(reference: &Reference, schemes: &Schemes) {
    let (bare, text) = readable(reference);
    assert_eq!(parse(&text, schemes).as_ref(), Ok(&bare), "{text}");
    let inside = template::parse(&format!("<${{{text}}}>"), schemes).expect(&text);
    assert_eq!(inside.references().collect::<Vec<_>>(), [&bare], "{text}");
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let schemes = Schemes::new(["local"]);
    match parse(text, &schemes) {
        Ok(reference) => check_reference(&reference, &schemes),
        Err(error) => check_fault(text, &error),
    }
    match template::parse(text, &schemes) {
        Ok(value) => value
            .references()
            .for_each(|r| check_reference(r, &schemes)),
        Err(error) => check_fault(text, &error),
    }
    match parse_env_from(text, &schemes) {
        Ok(entry) => assert_eq!(parse_env_from(&entry.to_string(), &schemes), Ok(entry)),
        Err(error) => check_fault(text, &error),
    }
});
