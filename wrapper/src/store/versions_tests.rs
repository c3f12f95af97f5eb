//! Unit tests of `versions`, against the rules of OpenBao's KV version 2.

use super::*;
use crate::store::document::Recipients;

fn path() -> SecretPath {
    SecretPath::parse("secret/db").unwrap()
}

fn with_versions(count: u64) -> Document<'static> {
    let mut document = Document::new(Recipients::Keys(Vec::new()));
    for number in 1..=count {
        let fields = FieldMap::from_iter([("n".to_owned(), number.into())]);
        assert_eq!(document.put(&path(), &fields, "t").unwrap(), number);
    }
    document
}

#[test]
fn ten_versions_are_kept() {
    let document = with_versions(12);
    let entry = document.entry(&path()).unwrap();
    assert_eq!(entry.versions.len(), 10);
    assert_eq!((entry.oldest_version, entry.current_version), (3, 12));
    assert_eq!(
        document.find(&path(), Some(2)).unwrap_err(),
        ReadError::NoVersion {
            path: "secret/db".into(),
            version: 2
        }
    );
    assert_eq!(document.find(&path(), None).unwrap().0, 12);
    assert_eq!(
        document.find(&path(), Some(3)).unwrap().1.fields().unwrap()["n"],
        3
    );
}

#[test]
fn a_deleted_version_comes_back_and_a_destroyed_one_does_not() {
    let mut document = with_versions(2);
    let entry = document.entry_mut(&path()).unwrap();
    assert!(entry.delete(2, "later"));
    assert!(!entry.delete(3, "later"), "there is no version 3");
    let deleted = ReadError::Deleted {
        path: "secret/db".into(),
        version: 2,
    };
    assert_eq!(document.find(&path(), None).unwrap_err(), deleted);
    assert!(
        document.find(&path(), Some(1)).is_ok(),
        "an older version went along"
    );

    assert!(document.entry_mut(&path()).unwrap().undelete(2));
    assert!(document.find(&path(), None).is_ok());

    let entry = document.entry_mut(&path()).unwrap();
    assert!(entry.destroy(2) && entry.undelete(2));
    let destroyed = ReadError::Destroyed {
        path: "secret/db".into(),
        version: 2,
    };
    assert_eq!(document.find(&path(), None).unwrap_err(), destroyed);
    let text = serde_json::to_string(&document).unwrap();
    assert!(
        super::super::document::parse(&text).is_ok(),
        "our own document is refused"
    );
}

#[test]
fn the_greatest_version_number_is_an_error_and_no_wrap() {
    let mut document = with_versions(1);
    document.entry_mut(&path()).unwrap().current_version = u64::MAX;
    assert!(document.put(&path(), &FieldMap::new(), "t").is_err());
}
