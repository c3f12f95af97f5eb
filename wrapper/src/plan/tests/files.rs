//! Files for the program: what they hold, where they can be, and which secrets they need.

use super::*;

fn wish(path: &str, text: &str) -> FileWish {
    FileWish {
        path: path.into(),
        text: text.into(),
        ..FileWish::default()
    }
}

fn document(path: &str, text: &str) -> FileWish {
    FileWish {
        is_document: true,
        ..wish(path, text)
    }
}

fn plan_of(wishes: &[FileWish]) -> Result<Plan, PlanErrors> {
    let mut draft = draft();
    wishes
        .iter()
        .for_each(|wish| draft.file(wish, Origin::Flag));
    draft.finish("local")
}

/// `PATH=content` of every file.
fn files(wishes: &[FileWish]) -> Vec<String> {
    shown(&resolve(plan_of(wishes).unwrap()).unwrap())
}

/// What is said of files that cannot be planned.
fn refused(wishes: &[FileWish]) -> String {
    plan_of(wishes).expect_err("must fail").to_string()
}

#[test]
fn a_file_holds_a_reference_a_template_or_plain_text() {
    assert_eq!(
        files(&[
            wish("/b", "vault:secret/db#password"),
            wish(
                "/a",
                "db:5432:app:${vault:secret/db#user}:${vault:secret/one}\n"
            ),
            wish("/c", "plain $${vault:x}\n"),
            wish("/d", ""),
        ]),
        [
            "/a=db:5432:app:app:1\n",
            "/b=p\u{e4}$$ss",
            "/c=plain ${vault:x}\n",
            "/d=",
        ]
    );
}

#[test]
fn one_secret_is_read_once_for_files_and_variables() {
    let mut draft = draft();
    draft.deliver("Z", "vault:secret/db#password", Origin::Flag);
    draft.file(&wish("/a", "vault:secret/db#password"), Origin::Flag);
    draft.file(&wish("/b", "<${bao:secret/db#user}>"), Origin::Flag);
    let plan = draft.finish("local").unwrap();
    assert_eq!(plan.requests("local").len(), 1);
    assert_eq!(plan.paths().collect::<Vec<_>>(), ["/a", "/b"]);
    assert!(plan.has_secret_variables());
    let entries = resolve(plan).unwrap();
    assert_eq!(
        shown(&entries),
        ["Z=p\u{e4}$$ss", "/a=p\u{e4}$$ss", "/b=<app>"],
        "variables first"
    );
    assert_eq!(entries[1].reference, "secret/data/db#password");
}

#[test]
fn what_only_a_file_needs_is_not_read_without_files() {
    let mut draft = draft();
    draft.deliver("A", "vault:secret/one", Origin::Flag);
    draft.file(&wish("/a", "other:secret/db#user"), Origin::Flag);
    let mut plan = draft.finish("local").unwrap();
    assert_eq!(plan.sources().len(), 2);
    plan.without_files();
    assert_eq!(plan.sources().into_iter().collect::<Vec<_>>(), ["local"]);
    assert_eq!(shown(&resolve(plan).unwrap()), ["A=1"]);
}

#[test]
fn attributes_come_through() {
    let attributes = FileAttributes {
        mode: 0o440,
        owner: Some((1, 2)),
        opens: 1,
    };
    let wish = FileWish {
        attributes,
        ..wish("/a", "vault:secret/one")
    };
    let entries = resolve(plan_of(&[wish]).unwrap()).unwrap();
    assert_eq!(entries[0].attributes, attributes);
}

#[test]
fn an_optional_missing_secret_leaves_the_file_out() {
    assert_eq!(
        files(&[
            wish("/a", "vault:secret/absent?"),
            wish("/b", "<${vault:secret/absent?}>"),
            wish("/c", "vault:secret/absent:-text"),
        ]),
        ["/b=<>", "/c=text"]
    );
    let missing = resolve(plan_of(&[wish("/a", "vault:secret/absent")]).unwrap());
    let said = missing.expect_err("must fail").to_string();
    assert!(said.contains("(file `/a`, column 1)"), "{said}");
}

#[test]
fn bytes_arrive_whole_and_not_within_text() {
    let entries = resolve(plan_of(&[wish("/a", "vault:secret/nul")]).unwrap()).unwrap();
    assert_eq!(entries[0].value.expose(), b"a\0b");
    let within = resolve(plan_of(&[wish("/a", "<${vault:secret/nul}>")]).unwrap());
    let said = within.expect_err("must fail").to_string();
    assert!(
        said.contains("into file `/a`: a value holds a zero byte"),
        "{said}"
    );
}

#[test]
fn a_document_ends_with_a_newline_and_begins_with_anything() {
    assert_eq!(
        files(&[
            document("/a", "vault:secret/one\n"),
            document("/b", "vault:secret/one\r\n"),
            document("/c", "vault:\n  user: ${vault:secret/db#user}\n"),
            document("/d", "vault:secret/one\nvault:secret/one\n"),
            document("/e", "plain\n"),
        ]),
        [
            "/a=1",
            "/b=1",
            "/c=vault:\n  user: app\n",
            "/d=vault:secret/one\nvault:secret/one\n",
            "/e=plain\n",
        ]
    );
    let said = refused(&[document("/a", "x\n${vault:secret/one\n")]);
    assert!(said.contains("the reference in file `/a`"), "{said}");
}

#[test]
fn a_place_is_taken_once_and_no_directory_too() {
    let said = refused(&[wish("/a", "1"), wish("/a", "2")]);
    assert_eq!(said, "the file `/a` is given twice");
    let said = refused(&[wish("/a", "1"), wish("/a/b/c", "2"), wish("/ab", "3")]);
    assert!(
        said.starts_with("`/a/b/c` cannot be a file for the program: `/a` is one"),
        "{said}"
    );
    let said = refused(&[wish("a\u{1b}", "hunter2")]);
    assert!(
        said.starts_with("`a\\u{1b}` cannot be the path of a file"),
        "{said}"
    );
    assert!(!said.contains("hunter2"));
}

#[test]
fn the_command_line_wins_over_the_configuration_file() {
    let mut draft = draft();
    draft.file(&wish("/a", "flag"), Origin::Flag);
    draft.file(&wish("/a", "file"), Origin::File);
    draft.file(&wish("/b", "file"), Origin::File);
    draft.file(&wish("/b", "flag"), Origin::Flag);
    let plan = draft.finish("local").unwrap();
    assert_eq!(shown(&resolve(plan).unwrap()), ["/a=flag", "/b=flag"]);
}
