//! Ciphertexts of the transit engine: `vault:v1:BASE64`, whole or in `${…}`.
//!
//! A ciphertext carries its secret with it, so nothing of it can be missing: it has no field, no
//! version, no `?` and no default. Its base64 is checked here, because a server says of a text that
//! was cut or wrapped only that it is invalid.

use super::ReferenceError;
use super::parser::Parser;

/// What every ciphertext begins with at the server, whatever scheme the user wrote.
const SERVER_PREFIX: &str = "vault:";

/// Whether `body`, the text behind a scheme and its colon, begins as a ciphertext does: `v1:`.
pub(super) fn is_ciphertext(body: &str) -> bool {
    key_version(body).is_some()
}

/// Splits `v1:BASE64` behind its second colon.
fn key_version(body: &str) -> Option<(&str, &str)> {
    let digits = body.strip_prefix('v')?;
    let tail = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_version = tail.len() < digits.len() && tail.starts_with(':') && !tail.starts_with(":-");
    let (version, text) = body.split_at_checked(body.len() - tail.len() + 1)?;
    is_version.then_some((version, text))
}

/// Reads a ciphertext to the reference's end; answers it as the server wants it.
pub(super) fn read(parser: &mut Parser<'_>) -> Result<String, ReferenceError> {
    let (version, text) = key_version(parser.rest()).unwrap_or_default();
    parser.take(version);
    let other = |c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c));
    let end = text.find(other).unwrap_or(text.len());
    let (data, rest) = text.split_at_checked(end).unwrap_or_default();
    let body = data.trim_end_matches('=');
    let padding = data.len() - body.len();
    parser.hide(body.find('=').unwrap_or(data.len()));
    if body.contains('=') {
        Err(ReferenceError::BadCiphertext(parser.here()))
    } else if rest.starts_with('?') || rest.starts_with(":-") {
        Err(ReferenceError::FallbackOfCiphertext(parser.here()))
    } else if !rest.is_empty() {
        Err(ReferenceError::BadCiphertext(parser.here()))
    } else if body.is_empty() || padding > 2 || !data.len().is_multiple_of(4) {
        // RFC 4648, section 4: groups of four, the last one filled with up to two `=`.
        Err(ReferenceError::CutCiphertext(parser.here()))
    } else {
        Ok(format!("{SERVER_PREFIX}{version}{data}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{Schemes, Target, parse};

    fn fault(text: &str) -> ReferenceError {
        parse(text, &Schemes::new(["local"])).expect_err(text)
    }

    #[test]
    fn r9_the_server_gets_it_with_its_own_prefix() {
        for scheme in ["vault", "bao", "local"] {
            let text = format!("{scheme}:v12:ab+/Z9==");
            let reference = parse(&text, &Schemes::new(["local"])).unwrap();
            let ciphertext = "vault:v12:ab+/Z9==".into();
            assert_eq!(reference.target, Target::Decrypt { ciphertext });
            assert_eq!(reference.scheme, scheme);
            assert_eq!(reference.to_string(), format!("{scheme}:v12:…"));
        }
    }

    #[test]
    fn paths_that_look_alike_stay_paths() {
        let schemes = Schemes::new([]);
        for (text, path) in [
            ("vault:v1\\:ab#c", "v1:ab"),
            ("vault:v1:-x", "v1"),
            ("vault:v:x", "v:x"),
            ("vault:v1", "v1"),
            ("vault:v1a:x", "v1a:x"),
            ("vault:V1:x", "V1:x"),
        ] {
            match parse(text, &schemes).unwrap().target {
                Target::Read { path: read, .. } => assert_eq!(read, path),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn faults_have_their_column_and_no_text() {
        use ReferenceError::{BadCiphertext, CutCiphertext, FallbackOfCiphertext};
        for (text, column) in [
            ("vault:v1:aBcD\n", 14),
            ("vault:v1:aB cD===", 12),
            ("vault:v1:aB== ", 14),
            ("vault:v1:aB=D", 12),
            ("vault:v1:aBcD#plaintext", 14),
            ("vault:v1:aBc-", 13),
            ("vault:v1:aB\u{e4}D", 12),
            ("vault:v1:aB:c", 12),
        ] {
            let error = fault(text);
            assert!(matches!(error, BadCiphertext(_)), "{text}: {error}");
            assert_eq!(error.place().column, column, "{text}");
            assert!(!error.to_string().contains("aB"), "{error}");
        }
        for (text, column) in [
            ("vault:v1:", 10),
            ("vault:v1:====", 14),
            ("vault:v1:aB", 12),
            ("vault:v1:aBcDe===", 18),
            ("vault:v1:aBcD====", 18),
        ] {
            let error = fault(text);
            assert!(matches!(error, CutCiphertext(_)), "{text}: {error}");
            assert_eq!(error.place().column, column, "{text}");
            assert!(!error.to_string().contains("aB"), "{error}");
        }
        for text in ["bao:v1:aBcD?", "vault:v1:aBcD:-x", "vault:v1:aBc=?"] {
            let error = fault(text);
            assert!(matches!(error, FallbackOfCiphertext(_)), "{text}: {error}");
            assert!(!error.to_string().contains("aB"), "{error}");
        }
    }
}
