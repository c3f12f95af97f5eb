//! Values as programs meet them: files that are made of a template, who may read them, and
//! variables that the program changes.

use std::path::Path;

use cloudtaser_abi::names::PRELOAD_LIBRARY;
use cloudtaser_tests::compile::{self, CLibrary};
use cloudtaser_tests::preload::{Served, library_file};
use cloudtaser_tests::{Planted, Wrapper, skip};

#[test]
fn templates_of_several_references_are_files() {
    let secrets = [
        Planted::new("secret/db", "user", "alice"),
        Planted::new("secret/db", "password", "s3cret-$1"),
        Planted::new("secret/tls", "token", "t0ken"),
    ];
    let user = "${vault:secret/db#user}";
    let password = "${vault:secret/db#password}";
    let token = "${vault:secret/tls#token}";
    let written = [
        ("pgpass", format!("db.example:5432:*:{user}:{password}\n")),
        (
            ".env",
            format!("DB_USER={user}\nDB_PASSWORD={password}\nTOKEN={token}\n"),
        ),
        (
            "config.json",
            format!("{{\"user\": \"{user}\", \"password\": \"{password}\"}}\n"),
        ),
        (
            "nginx.conf",
            format!("proxy_set_header Authorization \"{user} {token}\";\n"),
        ),
        (
            "kubeconfig",
            format!("users:\n- name: {user}\n  user:\n    token: {token}\n"),
        ),
    ];
    let mut wrapper = Wrapper::local(&secrets).delivery(Some("preload"));
    let folder = Path::new("/run/cloudtaser-test/templates");
    for (name, text) in &written {
        let template = wrapper.write(&format!("template-{name}"), text);
        let file = folder.join(name);
        let option = format!("{}=@{}", file.display(), template.display());
        wrapper = wrapper.flags(&["--file", &option]);
    }
    for (name, text) in &written {
        let expected = text
            .replace(user, "alice")
            .replace(password, "s3cret-$1")
            .replace(token, "t0ken");
        let words = [Path::new("cat").to_owned(), folder.join(name)];
        assert_eq!(wrapper.run(&words).with(0).stdout(), expected, "{name}");
        // Without us there is nothing.
        assert_eq!(wrapper.run_bare(&words).with(1).stdout(), "");
    }
}

#[test]
fn who_may_not_read_a_file_gets_eacces() {
    if !rustix::process::geteuid().is_root() {
        skip("another user: needs root");
        return;
    }
    let secrets = [Planted::new("secret/db", "password", "hunter2-secret")];
    let file = "/run/cloudtaser-test/owned/password";
    let option = format!("{file},mode=0440,owner=0:100=vault:secret/db#password");
    let wrapper = Wrapper::local(&secrets).delivery(Some("preload"));
    // Beside the binary, where every user can load it.
    let library = wrapper.folder().join(PRELOAD_LIBRARY);
    std::fs::copy(library_file(), library).expect("copied");
    let wrapper = wrapper.for_every_user().flags(&["--file", &option]);
    let read = |user: &str, group: &str| {
        let user = format!("--reuid={user}");
        let group = format!("--regid={group}");
        wrapper.run(&["setpriv", &user, &group, "--clear-groups", "cat", file])
    };
    let refused = read("65534", "65534").with(1);
    assert_eq!(refused.stdout(), "");
    refused.says(&["Permission denied"]);
    // The controls: its group, and root.
    assert_eq!(read("65534", "100").with(0).stdout(), "hunter2-secret");
    assert_eq!(read("0", "0").with(0).stdout(), "hunter2-secret");
}

#[test]
fn a_new_name_beside_a_secret_is_refused() {
    let served = Served::new("hunter2-secret");
    let new = served.path().with_file_name("new");
    let script = format!("echo x > {}", new.display());
    let words = [Path::new("sh"), Path::new("-c"), Path::new(&script)];
    served.run(&words).with(2).says(&["Read-only file system"]);
    // The control: without us the folder does not exist at all.
    served.run_bare(&words).with(2).says(&["nonexistent"]);
}

#[test]
fn a_process_sees_its_own_changes_of_a_secret_variable() {
    for library in CLibrary::DYNAMIC {
        let served = Served::new("hunter2-secret").variable("DB_PASSWORD");
        let program = compile::program("own_variables", library, served.folder());
        let words = [program.as_path(), Path::new("DB_PASSWORD")];
        let ours = served.run(&words).with(0).stdout();
        assert!(ours.starts_with("start [hunter2-secret] [hunter2-secret]\n"));
        let plain = served.with(|wrapper| wrapper.env("DB_PASSWORD", "hunter2-secret"));
        assert_eq!(ours, plain.run_bare(&words).with(0).stdout(), "{library:?}");
    }
}
