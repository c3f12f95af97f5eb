use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Parsed, AnnotationError> {
    let pairs = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    parse(&pairs.collect())
}

#[test]
fn w12_inject_is_yes_no_or_an_error() {
    let one = |value: &str| is_opted_in(&[(keys::INJECT.to_owned(), value.to_owned())].into());
    assert_eq!(is_opted_in(&BTreeMap::new()), Ok(false));
    assert_eq!(one("true"), Ok(true));
    assert_eq!(one("false"), Ok(false));
    for text in ["", "ture", "enabled", "\"true\""] {
        let error = one(text).unwrap_err().to_string();
        assert!(
            error.starts_with("annotation `cloudtaser.io/inject` is"),
            "{error}"
        );
    }
}

#[test]
fn every_example_of_the_table_is_read() {
    for annotation in keys::ANNOTATIONS {
        let mut pairs = vec![(annotation.key, annotation.example)];
        if annotation.key == keys::ENV_MAP {
            pairs.push((keys::SECRET_PATHS, "secret/data/db,secret/data/api"));
        }
        let parsed = read(&pairs);
        if annotation.needs == Override::Never {
            assert!(matches!(parsed, Err(AnnotationError::Never { .. })));
            continue;
        }
        let parsed = parsed.unwrap();
        assert!(parsed.warnings.is_empty(), "{:?}", parsed.warnings);
        let is_silent = annotation.key == keys::INJECT || annotation.needs == Override::Ours;
        assert_eq!(
            parsed.wishes == Wishes::default(),
            is_silent,
            "{}",
            annotation.key
        );
    }
}

#[test]
fn misspelt_keys_are_warned_of() {
    let warnings = |key: &str| read(&[(key, "x")]).unwrap().warnings;
    let found = warnings("cloudtaser.io/secret-path");
    assert!(
        found[0].ends_with("did you mean `cloudtaser.io/secret-paths`?"),
        "{found:?}"
    );
    assert!(warnings("cloudtaser.io/vault-adress")[0].contains("vault-address"));
    assert!(!warnings("cloudtaser.io/zzzzzz")[0].contains("did you mean"));
    assert!(warnings("example.com/secret-path").is_empty());
}

#[test]
fn every_word_with_a_letter_missing_leads_to_itself() {
    for annotation in keys::ANNOTATIONS {
        let name = annotation.name();
        let short = &name[..name.len() - 1];
        let known = keys::ANNOTATIONS.iter().map(Annotation::name);
        assert_eq!(nearest(short, known), Some(name));
    }
}

#[test]
fn h5_image_and_service_account_are_never_a_pods() {
    for key in [keys::IMAGE, keys::SERVICE_ACCOUNT] {
        let error = read(&[(key, "x")]).unwrap_err();
        assert!(matches!(error, AnnotationError::Never { .. }), "{error}");
    }
}

#[test]
fn more_than_an_object_may_have_is_refused_and_warnings_are_bounded() {
    let long = "x".repeat(MOST_BYTES);
    let error = read(&[("example.com/other", &long)]).unwrap_err();
    assert!(matches!(error, AnnotationError::TooMany { .. }));
    let many = (0..5_000).map(|n| (format!("cloudtaser.io/secret-paths{n}"), String::new()));
    assert_eq!(parse(&many.collect()).unwrap().warnings.len(), MOST_UNKNOWN);
    let key = format!("cloudtaser.io/{}", "secret-path".repeat(1_000));
    assert!(!read(&[(&key, "")]).unwrap().warnings[0].contains("did you mean"));
}

#[test]
fn who_seems_to_opt_in_and_does_not_is_told() {
    let with = |annotations: &[&str], labels: &[&str]| {
        let map = |keys: &[&str]| {
            let keys = keys
                .iter()
                .map(|key| ((*key).to_owned(), "true".to_owned()));
            Some(keys.collect::<BTreeMap<_, _>>())
        };
        seems_to_opt_in(&ObjectMeta {
            annotations: map(annotations),
            labels: map(labels),
            ..ObjectMeta::default()
        })
    };
    for key in [
        "cloudtaser.io/Inject",
        "CloudTaser.IO/inject",
        "cloudtaser.io/secret-paths",
    ] {
        let told = with(&["a/b", key], &[]).unwrap();
        assert!(
            told.contains(&format!("the annotation \"{key}\"")),
            "{told}"
        );
    }
    let told = with(&[], &["cloudtaser.io/inject"]).unwrap();
    assert!(
        told.contains("the label \"cloudtaser.io/inject\""),
        "{told}"
    );
    assert_eq!(
        with(&["example.com/inject", "é"], &["cloudtaser.io/part-of"]),
        None
    );
    assert_eq!(seems_to_opt_in(&ObjectMeta::default()), None);
}
