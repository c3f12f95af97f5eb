//! A digest compared with the bytes that it names. Pure.

use oci_spec::image::{Digest, DigestAlgorithm, Sha256Digest};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// Whether `bytes` have that digest. Nothing for an algorithm that we do not know: what cannot
/// be checked is refused by the caller.
pub(super) fn is_of(digest: &Digest, bytes: &[u8]) -> Option<bool> {
    let found = match digest.algorithm() {
        DigestAlgorithm::Sha256 => hex(&Sha256::digest(bytes)),
        DigestAlgorithm::Sha384 => hex(&Sha384::digest(bytes)),
        DigestAlgorithm::Sha512 => hex(&Sha512::digest(bytes)),
        _ => return None,
    };
    Some(found == digest.digest())
}

/// The digest of bytes that no digest named.
pub(super) fn of(bytes: &[u8]) -> Option<Digest> {
    let hex = hex(&Sha256::digest(bytes));
    hex.parse::<Sha256Digest>().ok().map(Digest::from)
}

fn hex(bytes: &[u8]) -> String {
    let digits = b"0123456789abcdef";
    let digit = |half: u8| {
        digits
            .get(usize::from(half))
            .copied()
            .map_or('?', char::from)
    };
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_algorithm_is_compared_and_an_unknown_one_is_not() {
        // `printf abc | sha256sum`, and so on (FIPS 180-4's examples).
        let of_abc = [
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "sha384:cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
             8086072ba1e7cc2358baeca134c825a7",
            "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ];
        for text in of_abc {
            let digest: Digest = text.parse().unwrap();
            assert_eq!(is_of(&digest, b"abc"), Some(true), "{text}");
            assert_eq!(is_of(&digest, b"abd"), Some(false), "{text}");
        }
        assert_eq!(of(b"abc").unwrap().to_string(), of_abc[0]);
        let other: Digest = "blake3:abc".parse().unwrap();
        assert_eq!(is_of(&other, b"abc"), None);
    }
}
