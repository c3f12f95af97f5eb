use super::*;

fn read(paths_text: &str, map: Option<&str>) -> Result<Secrets, AnnotationError> {
    let mut secrets = Secrets::default();
    variables(&mut secrets, &paths(SECRET_PATHS, paths_text)?, map)?;
    Ok(secrets)
}

#[test]
fn the_published_syntax_is_read() {
    let map = "username=DB_USER,password=DB_PASSWORD;key=API_KEY";
    let secrets = read("secret/data/db,secret/data/api", Some(map)).unwrap();
    assert_eq!(
        secrets.env,
        [
            "DB_USER=vault:secret/data/db#username",
            "DB_PASSWORD=vault:secret/data/db#password",
            "API_KEY=vault:secret/data/api#key",
        ]
    );
    assert!(secrets.env_from.is_empty());
}

#[test]
fn w16_paths_without_a_group_give_all_fields() {
    let secrets = read(" a/b#3? ,c/d,e", Some(";x=Y")).unwrap();
    assert_eq!(secrets.env_from, ["vault:a/b#3?", "vault:e"]);
    assert_eq!(secrets.env, ["Y=vault:c/d#x"]);
    let secrets = read("a#2?", Some("f=F")).unwrap();
    assert_eq!(secrets.env, ["F=vault:a#f#2?"]);
}

#[test]
fn h4_syntax_in_paths_and_fields_is_data() {
    let secrets = read(r#"a"b/{{x}}/$(Y)/v1:z\q"#, Some("f#1}=F")).unwrap();
    assert_eq!(secrets.env, [r#"F=vault:a"b/{{x\}\}/$(Y)/v1\:z\\q#f\#1\}"#]);
    assert!(read("a\nCLOUDTASER_ADDR=x", None).is_err());
    assert!(files("k", "/a=\u{7f}").is_err());
}

#[test]
fn errors_have_their_position() {
    for (paths, map, expected) in [
        ("a,b#x", None, "path 2"),
        ("a,vault:b", None, "path 2"),
        ("a,/", None, "path 2"),
        ("a", Some("x=Y;z=W"), "group 2: `secret-paths` has 1"),
        ("a", Some("x=Y,z"), "group 1, pair 2"),
        ("a", Some("x=1Y"), "group 1, pair 1"),
        ("a", Some("=Y"), "group 1, pair 1"),
        ("", Some("x=Y"), "needs `cloudtaser.io/secret-paths`"),
    ] {
        let error = read(paths, map).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = files("k", "/a=vault:x#y\n\nb=c").unwrap_err().to_string();
    assert!(error.contains("line 3"), "{error}");
    let lines = files("k", "/a,mode=0440=vault:x#y\n /b=z \n").unwrap();
    assert_eq!(lines, ["/a,mode=0440=vault:x#y", "/b=z"]);
}
