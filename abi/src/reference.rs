//! Recognises a secret reference in an environment value, without reading it.
//!
//! The wrapper reads references (`wrapper/src/reference`); whoever only asks *whether* there is
//! one, as the webhook does before it decides about an init container, asks here. The grammar's
//! beginning is one of a few texts, so this is no second parser: it never says where a reference
//! ends or whether it can be read. It may say yes to `$${vault:`, which is plain text to the
//! wrapper; a container is then wrapped for nothing, which changes nothing for its program.

/// The words before a reference's first colon: the configured source by its two names, and the two
/// sources by theirs.
pub const SCHEMES: [&str; 4] = ["vault:", "bao:", "local:", "openbao:"];

/// Whether `value` begins with a reference, or holds one in `${}`.
#[must_use]
pub fn holds_reference(value: &str) -> bool {
    begins(value)
        || value.match_indices("${").any(|(at, open)| {
            let body = at.checked_add(open.len()).and_then(|at| value.get(at..));
            body.is_some_and(begins)
        })
}

fn begins(text: &str) -> bool {
    let target = text.strip_prefix(">>").unwrap_or(text);
    SCHEMES.iter().any(|scheme| target.starts_with(scheme))
}

/// Whether `c` must have a backslash before it in a path or field that is written as a reference.
#[must_use]
pub const fn is_syntax(c: char) -> bool {
    matches!(c, '\\' | '#' | '?' | ':' | '}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w14_references_are_recognised_and_plain_text_is_not() {
        for text in [
            "vault:a#b",
            "bao:a",
            ">>vault:pki/x",
            "x${vault:a#b}y",
            "${>>bao:a}",
            "local:a",
            "openbao:a",
        ] {
            assert!(holds_reference(text), "{text}");
        }
        for text in [
            "",
            "see vault:a",
            "Vault:a",
            "${HOME}",
            "$(vault:a)",
            "vaults:a",
            "${",
            "ü${",
        ] {
            assert!(!holds_reference(text), "{text}");
        }
    }
}
