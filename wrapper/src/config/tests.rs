//! Precedence, inheritance and refusals of the configuration.

use super::*;
use clap::Parser;
use cloudtaser_abi::region::layout::{FLAG_FOLLOW_CHILDREN, FLAG_STATIC_PLAIN};

use crate::cli::run::DeliveryMode;
use std::path::Path;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    run: RunArgs,
}

fn config_with(
    flags: &[&str],
    toml: &str,
    inherited: &[(&str, &str)],
) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cloudtaser.toml");
    std::fs::write(&file, toml).expect("written");
    let file = file.to_str().expect("UTF-8");
    let line = [
        &["x", "--config", file],
        flags,
        &["--", "program", "--flag"],
    ]
    .concat();
    let line = Line::try_parse_from(line).expect("usage");
    let inherited = inherited
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    Config::new(line.run, &line.source, inherited, &Registry::default())
}

fn kept(config: &Config) -> Vec<&str> {
    config
        .kept
        .iter()
        .filter_map(|(name, _)| name.to_str())
        .collect()
}

#[test]
fn flags_win_over_the_file_and_that_over_defaults() {
    let toml = "min_protection = 'locked'\nenforcer = 'off'\nstore = '/file'\n";
    let config = config_with(&[], toml, &[]).expect("valid");
    assert_eq!(config.min_protection, Protection::Locked);
    assert_eq!(config.enforcer, Enforcer::Off);
    assert_eq!(config.source.store, Path::new("/file"));
    let flags = [
        "--min-protection",
        "none",
        "--enforcer",
        "prefer",
        "--store",
        "/flag",
    ];
    let config = config_with(&flags, toml, &[]).expect("valid");
    assert_eq!(config.min_protection, Protection::None);
    assert_eq!(config.enforcer, Enforcer::Prefer);
    assert_eq!(config.source.store, Path::new("/flag"));
    assert_eq!(config.program, ["program", "--flag"]);
    assert_eq!(
        config_with(&[], "", &[]).expect("valid").enforcer,
        Enforcer::Prefer
    );
}

#[test]
fn the_delivery_is_read_from_flag_and_file() {
    let toml = "delivery = 'environ'\nenv_static = 'plain'\nfollow_children = false\n";
    let of_file = config_with(&[], toml, &[]).expect("valid").delivery;
    assert_eq!(of_file.mode, DeliveryMode::Environ);
    assert_eq!(of_file.region_flags(), FLAG_STATIC_PLAIN);
    let flags = [
        "--delivery=preload",
        "--env-static=omit",
        "--follow-children=true",
    ];
    let of_flag = config_with(&flags, toml, &[]).expect("valid").delivery;
    assert_eq!(of_flag.mode, DeliveryMode::Preload);
    assert_eq!(of_flag.region_flags(), FLAG_FOLLOW_CHILDREN);
    let default = config_with(&[], "", &[]).expect("valid").delivery;
    assert_eq!(default.mode, DeliveryMode::Auto);
    assert_eq!(default.region_flags(), FLAG_FOLLOW_CHILDREN);
    assert_eq!(default.library, None);
    let error = config_with(&[], "env_static = 'hunter2'", &[]).expect_err("a mistake");
    assert!(error.to_string().contains("one of omit, plain"), "{error}");
    assert!(!error.to_string().contains("hunter2"));
}

#[test]
fn files_add_up_and_the_flag_wins() {
    let toml = "[file]\n'/a' = 'file'\n'/b' = 'file'\n";
    let variable = [("CLOUDTASER_FILE", "/c=variable\n/d=variable")];
    let paths = |flags: &[&str]| {
        let config = config_with(flags, toml, &variable).expect("valid");
        config.plan.paths().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(paths(&[]), ["/a", "/b", "/c", "/d"]);
    assert_eq!(paths(&["--file=/a=flag"]), ["/a", "/b"]);
    let bad = config_with(&["--file", "/a"], "", &[]).expect_err("a mistake");
    assert!(
        matches!(bad, ConfigError::FileOption { number: 1, .. }),
        "{bad}"
    );
}

#[test]
fn enforced_memory_demands_an_enforcer() {
    let config = config_with(&["--min-protection", "enforced"], "", &[]).expect("valid");
    assert_eq!(config.enforcer, Enforcer::Require);
}

#[test]
fn our_variables_stay_behind_unless_named() {
    let inherited = [
        ("CLOUDTASER_STORE", "x"),
        ("VAULT_TOKEN", "t"),
        ("BAO_ADDR", "a"),
        ("PATH", "/bin"),
    ];
    assert_eq!(
        kept(&config_with(&[], "", &inherited).expect("valid")),
        ["PATH"]
    );
    let passed = config_with(&["--pass", "BAO_ADDR"], "", &inherited).expect("valid");
    assert_eq!(kept(&passed), ["BAO_ADDR", "PATH"]);
}

#[test]
fn inherited_variables_are_kept_all_listed_or_none() {
    let inherited = [("A", "1"), ("B", "2")];
    assert_eq!(
        kept(&config_with(&[], "", &inherited).expect("valid")),
        ["A", "B"]
    );
    assert_eq!(
        kept(&config_with(&["--inherit", "B"], "", &inherited).expect("valid")),
        ["B"]
    );
    assert!(kept(&config_with(&["--inherit", "none"], "", &inherited).expect("valid")).is_empty());
}

#[test]
fn references_are_replaced_and_literals_left_alone() {
    let inherited = [("A", "vault:secret/a#b"), ("B", "vault:secret/a#b")];
    let config = config_with(&["--literal", "B"], "", &inherited).expect("valid");
    assert_eq!(kept(&config), ["B"]);
    assert!(config.plan.replaces("A"));
    assert_eq!(config.plan.requests("local").len(), 1);
}

#[test]
fn mistakes_are_told_without_values() {
    let error = config_with(&["--env", "hunter2"], "", &[]).expect_err("no `=`");
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert_eq!(error.status(), status::USAGE);
    let error = config_with(&["--source", "nowhere"], "", &[]).expect_err("unknown");
    assert!(error.to_string().contains("local"), "{error}");
    assert!(config_with(&[], "enforcer = 'hard'", &[]).is_err());
}

#[test]
fn a_file_that_everybody_may_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cloudtaser.toml");
    std::fs::write(&path, "exec = true").expect("written");
    assert!(read_file(Some(&path)).is_ok(), "control");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).expect("chmod");
    assert!(matches!(
        read_file(Some(&path)),
        Err(FileError::Untrusted { .. })
    ));
}

#[test]
fn no_file_is_read_where_that_is_said() {
    let (_, file) = read_file(Some(Path::new("none"))).expect("no file");
    assert!(file.source.is_none());
    // Control: any other name must be there.
    let other = read_file(Some(Path::new("./none")));
    assert!(matches!(other, Err(FileError::Read { .. })));
}

#[test]
fn lines_of_the_variable_stand_in_for_the_flag() {
    let inherited = [("CLOUDTASER_ENV", "A=1\n\nB=vault:secret/b#c\n")];
    let config = config_with(&[], "", &inherited).expect("valid");
    assert!(config.plan.replaces("A") && config.plan.replaces("B"));
    let config = config_with(&["--env", "C=two\nlines"], "", &inherited).expect("valid");
    assert!(config.plan.replaces("C") && !config.plan.replaces("A"));
    let texts: Vec<_> = config
        .plan
        .literals()
        .map(|(_, text)| text.expose().to_vec())
        .collect();
    assert_eq!(texts, [b"two\nlines".to_vec()]);
}
