//! Names as containerd's `reference.ParseDockerRef` reads them, and names that it refuses.

use proptest::prelude::*;

use super::*;

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn parts(text: &str) -> (String, String, Option<String>, Option<String>) {
    let name: ImageName = text
        .parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    (
        name.registry().to_owned(),
        name.repository().to_owned(),
        name.tag().map(str::to_owned),
        name.digest().map(ToString::to_string),
    )
}

#[test]
fn names_are_completed_as_containerd_completes_them() {
    for (text, registry, repository, tag) in [
        ("nginx", "docker.io", "library/nginx", "latest"),
        ("nginx:1.27", "docker.io", "library/nginx", "1.27"),
        ("grafana/loki", "docker.io", "grafana/loki", "latest"),
        ("docker.io/nginx", "docker.io", "library/nginx", "latest"),
        ("index.docker.io/a/b:c", "docker.io", "a/b", "c"),
        ("localhost/a", "localhost", "a", "latest"),
        ("localhost:5000/a:b", "localhost:5000", "a", "b"),
        ("reg.example.com/a/b/c:V1", "reg.example.com", "a/b/c", "V1"),
        ("reg:5000/a", "reg:5000", "a", "latest"),
        ("test.com:5000", "docker.io", "library/test.com", "5000"),
        ("Foo/bar", "Foo", "bar", "latest"),
        ("10.0.0.1:5000/x", "10.0.0.1:5000", "x", "latest"),
        ("a__b/c-d.e", "docker.io", "a__b/c-d.e", "latest"),
    ] {
        let expected = (registry.into(), repository.into(), Some(tag.into()), None);
        assert_eq!(parts(text), expected, "{text}");
    }
}

#[test]
fn a_digest_decides_and_takes_no_default_tag() {
    let digest = format!("sha256:{HEX}");
    let (.., tag, found) = parts(&format!("nginx@{digest}"));
    assert_eq!((tag, found), (None, Some(digest.clone())));
    let both: ImageName = format!("reg:1/a:b@{digest}").parse().unwrap();
    assert_eq!(both.tag(), Some("b"));
    assert_eq!(both.version(), digest);
    assert_eq!(both.to_string(), format!("reg:1/a:b@{digest}"));
    let tagged: ImageName = "a:b".parse().unwrap();
    assert_eq!(tagged.version(), "b");
}

#[test]
fn docker_hub_is_answered_for_by_another_host() {
    assert_eq!(api_host("docker.io"), "registry-1.docker.io");
    assert_eq!(api_host("quay.io"), "quay.io");
}

#[test]
fn a_wrong_name_says_where_and_what_to_write() {
    let digest = |hex: &str| format!("a@sha256:{hex}");
    for (text, position, problem) in [
        (String::new(), 1, "empty"),
        ("a b".into(), 2, "cannot stand"),
        ("a\nb".into(), 2, "cannot stand"),
        ("ä".into(), 1, "cannot stand"),
        ("https://reg/a".into(), 6, "scheme"),
        ("reg.example/App".into(), 13, "capital"),
        ("myApp".into(), 3, "capital"),
        ("reg.example//a".into(), 13, "empty"),
        ("a/".into(), 3, "empty"),
        ("a:".into(), 3, "tag is empty"),
        ("a:b!".into(), 4, "in a tag"),
        ("a:-b".into(), 3, "begins"),
        (format!("a:{}", "t".repeat(129)), 131, "too long"),
        ("-a".into(), 1, "begins with a separator"),
        ("a-".into(), 2, "ends with a separator"),
        ("a$b".into(), 2, "in a repository"),
        ("a@b".into(), 3, "no `:`"),
        (format!("a@md5:{HEX}"), 3, "algorithm"),
        (digest("12"), 12, "length"),
        (digest(&HEX.to_uppercase()), 20, "hexadecimal"),
        (HEX.into(), 1, "id of an image"),
        ("a".repeat(2000), 1025, "longer"),
    ] {
        let error = text.parse::<ImageName>().expect_err(&text);
        assert_eq!(error.position(), position, "{text}: {error}");
        assert!(error.to_string().contains(problem), "{text}: {error}");
        assert!(error.to_string().len() < 500 && !error.to_string().contains('\n'));
    }
    // The control: what stands beside them is read.
    assert!(format!("a@sha256:{HEX}").parse::<ImageName>().is_ok());
    assert!(
        format!("a:{}", "t".repeat(128))
            .parse::<ImageName>()
            .is_ok()
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_what_is_read_is_read_the_same_again(text in "\\PC{0,80}") {
        if let Ok(name) = text.parse::<ImageName>() {
            let again: ImageName = name.to_string().parse().unwrap();
            prop_assert_eq!(again.to_string(), name.to_string());
        }
    }

    #[test]
    fn made_names_are_read(
        host in "([a-z][a-z0-9]{0,8}\\.[a-z]{2,5}(:[0-9]{2,5})?/)?",
        path in "[a-z0-9]{1,8}(/[a-z0-9]{1,8}([._-][a-z0-9]{1,3})?){0,3}",
        tag in "(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,20})?",
        digest in "(@sha256:[0-9a-f]{64})?",
    ) {
        let text = format!("{host}{path}{tag}{digest}");
        prop_assume!(!(text.len() == 64 && digest.is_empty() && tag.is_empty()));
        let name: ImageName = text.parse().unwrap();
        let end = format!("{tag}{digest}");
        prop_assert!(name.to_string().ends_with(&end) || tag.is_empty());
        prop_assert_eq!(host.is_empty(), name.registry() == "docker.io");
    }

    #[test]
    fn near_names_never_panic_and_point_into_the_text(text in "[a-zA-Z0-9:/@._ -]{0,60}") {
        if let Err(error) = text.parse::<ImageName>() {
            prop_assert!(error.position() >= 1 && error.position() <= text.chars().count() + 1);
        }
    }
}
