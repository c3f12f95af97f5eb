//! Tests of what goes wrong: which fault, its text, its status, and that no value is in it.

use super::*;

#[test]
fn errors_name_reference_variable_position_and_fix() {
    for (value, text) in [
        (
            "x${vault:secret/db#pasword}",
            "cannot find the field of `vault:secret/db#pasword` (variable `A`, column 2); \
             did you mean `password`? the secret has: password, user",
        ),
        (
            "vault:secret/gone#f",
            "cannot find `vault:secret/gone#f` (variable `A`, column 1); write `?` at its end if \
             the program can do without: version 2 of `secret/gone` was deleted; it can be restored",
        ),
        (
            "vault:secret/db",
            "cannot choose a field for `vault:secret/db` (variable `A`, column 1); \
             write `#` and one of: password, user",
        ),
        (
            "vault:bad#f",
            "cannot read `vault:bad#f` (variable `A`, column 1): \
             `bad` is not a path of this source: a path has a mount and a name",
        ),
        (
            "${vault:secret/nul#v}",
            "cannot put `secret/data/nul#v` into variable `A`: it holds a zero byte (NUL), which \
             ends an environment variable; deliver it as a file",
        ),
    ] {
        assert_eq!(fault(&[("A", value)], &[]).to_string(), text);
    }
    let hint = fault(&[("A", "vault:secret/db#zzzzzz")], &[]).to_string();
    assert!(!hint.contains("did you mean"), "{hint}");
}

#[test]
fn faults_of_all_values_are_reported_together() {
    let variables = [
        ("A", "vault:"),
        ("B", "ok"),
        ("C=D", "x"),
        ("E", "${bao:a#b"),
    ];
    let errors = plan(&variables, &["vault:a", "vault:a#b"]).unwrap_err();
    let text = errors.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(
        lines
            .iter()
            .any(|l| l.contains("variable `A`: column 7, after `vault:`")),
        "{text}"
    );
    assert!(
        lines.iter().any(|l| l.contains("entry 2 of the paths")),
        "{text}"
    );
    assert!(
        lines.iter().any(|l| l.contains("`C=D` cannot be the name")),
        "{text}"
    );
    assert_eq!(errors.status(), status::USAGE);

    let names: Vec<String> = (0..25).map(|n| format!("N{n}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "vault:")).collect();
    let errors = plan(&many, &[]).unwrap_err();
    assert_eq!(errors.errors().len(), 20);
    assert!(errors.to_string().ends_with("and 5 more"), "{errors}");
}

#[test]
fn names_that_cannot_be_variables_are_refused() {
    for name in ["", "A=B", "A\0"] {
        let errors = plan(&[(name, "x")], &[]).unwrap_err();
        assert!(
            matches!(errors.errors(), [PlanError::Name { .. }]),
            "{errors}"
        );
    }
    let errors = fault(&[], &["vault:secret/names"]);
    assert_eq!(errors.errors().len(), 2, "{errors}");
    let text = errors.to_string();
    assert!(
        text.contains("field `a=b` of `vault:secret/names` (all keys, entry 1)"),
        "{text}"
    );
    assert!(
        text.contains("c\\u{1b}[2J") && !text.contains('\u{1b}'),
        "{text}"
    );
    assert_eq!(fault(&[], &["vault:secret/own"]).status(), status::USAGE);
    assert_eq!(env(&[], &["P_=vault:secret/own"]), ["P_CLOUDTASER_STORE=1"]);
}

#[test]
fn a_value_the_kernel_would_refuse_is_named_before_exec() {
    let filled = |bytes: usize| {
        let plan = plan(&[("AB", "vault:x#f")], &[]).unwrap();
        let mut answers = Answers::default();
        let fields = Fields {
            canonical_path: "x".into(),
            values: BTreeMap::from([("f".into(), Secret::new(vec![b'x'; bytes]))]),
        };
        answers.add("local", plan.requests("local"), vec![Ok(fields)]);
        plan.resolve(answers)
    };
    // `AB=`, the value and the final NUL in 131,072 bytes.
    assert!(filled(131_068).is_ok());
    let errors = filled(131_069).unwrap_err();
    assert!(
        matches!(errors.errors(), [PlanError::TooLong { limit: 131_068, .. }]),
        "{errors}"
    );
    assert_eq!(errors.status(), status::USAGE);
}

#[test]
fn the_kernel_agrees_on_the_longest_variable() {
    let run = |bytes: usize| {
        let mut program = std::process::Command::new("/bin/true");
        program.env_clear().env("AB", "x".repeat(bytes)).status()
    };
    assert!(run(131_068).unwrap().success());
    // Kernels with larger pages take more; none takes less.
    if rustix::param::page_size() == 4096 {
        let error = run(131_069).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ArgumentListTooLong);
    }
}

#[test]
fn a_source_that_answers_too_little_is_a_fault_of_ours() {
    let plan = plan(&[("A", "vault:secret/db#user:-d")], &[]).unwrap();
    let errors = plan.resolve(Answers::default()).unwrap_err();
    assert_eq!(errors.status(), status::INTERNAL, "{errors}");
}

#[test]
fn an_inherited_value_that_is_no_text_cannot_hold_a_reference() {
    let mut draft = draft();
    draft.inherit(OsStr::new("A"), OsStr::from_bytes(b"\xff${vault:a#b}"));
    let errors = draft.finish("local").unwrap_err();
    assert!(
        matches!(errors.errors(), [PlanError::NotText { .. }]),
        "{errors}"
    );
}

#[test]
fn no_error_and_no_debug_text_holds_a_value() {
    let marker = "hunter2marker";
    let variables = [
        ("A", format!("{marker}${{vault:secret/none#f#1}}")),
        ("B", format!("vault:bad#f:-{marker}")),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let made = plan(&variables, &[]).unwrap();
    let mut text = format!("{made:?}");
    let errors = resolve(made).unwrap_err();
    text += &format!("{errors} {errors:?}");
    let made = plan(&[("A", "vault:secret/db#password")], &[]).unwrap();
    text += &format!("{:?}", resolve(made).unwrap());
    assert!(!text.contains(marker) && !text.contains("$$ss"), "{text}");
}
