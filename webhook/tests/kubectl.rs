//! `kubectl cloudtaser` as a program: statuses, outputs, and that it is the webhook's engine (X5).
#![expect(clippy::unwrap_used, reason = "tests panic, so that the line is shown")]

use std::process::{Command, Output};

use serde_json::Value;

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-cloudtaser"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/manifests"));
    command.args(args).env_remove("NO_COLOR").output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

fn printed(output: &Output, status: i32) -> &str {
    let both = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{both:?}");
    both.0
}

const IMAGE: &str = r#"--image=shop/web:1={"Entrypoint":["/entry"],"Cmd":["serve"]}"#;

#[test]
fn x5_lint_shows_what_the_webhook_would_do() {
    let output = run(&["lint", "--profile", "profile.yaml", IMAGE, "shop.yaml"]);
    let shown = printed(&output, 0);
    for part in [
        "Deployment  default    web     inject    injected",
        "CronJob     batch      report  inject    injected",
        "Pod         default    plain   skip      not_opted_in",
        "+    - /entry",
        "+      value: https://bao.batch.svc:8200",
        // The init container's reference is in a ConfigMap of the same file.
        "+    - /migrate",
        "did you mean `cloudtaser.io/secret-paths`?",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains('\u{1b}'), "colours without a terminal");
    assert!(output.stderr.is_empty());
}

#[test]
fn x5_lint_fails_where_a_pod_would_be_refused() {
    let output = run(&["lint", "--profile", "profile.yaml", "refused.yaml"]);
    let shown = printed(&output, 1);
    assert!(shown.contains("error: annotation `cloudtaser.io/vault-address` is not allowed"));
    assert!(
        shown.contains("stands on the StatefulSet itself"),
        "{shown}"
    );
    assert!(shown.contains("without quotes"), "{shown}");
}

#[test]
fn x5_strict_makes_a_warning_a_failure() {
    printed(&run(&["lint", "--no-diff", "shop.yaml"]), 0);
    printed(&run(&["lint", "--no-diff", "--strict", "shop.yaml"]), 1);
}

#[test]
fn x5_json_and_yaml_say_the_same() {
    let args = [
        "lint",
        "--profile",
        "profile.yaml",
        "shop.yaml",
        "refused.yaml",
        "-o",
    ];
    let json = run(&[&args[..], &["json"]].concat());
    let yaml = run(&[&args[..], &["yaml"]].concat());
    let json: Value = serde_json::from_str(printed(&json, 1)).unwrap();
    let yaml: Value = serde_saphyr::from_str(printed(&yaml, 1)).unwrap();
    assert_eq!(json, yaml);
    let reasons: Vec<_> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons,
        ["injected", "injected", "not_opted_in", "not_allowed"]
    );
}

#[test]
fn x5_why_explains_each_decision() {
    let output = run(&["why", "--profile", "profile.yaml", IMAGE, "shop.yaml"]);
    let shown = printed(&output, 0);
    for part in [
        "profile: `default` of the cluster",
        "profile: `default` of the namespace",
        "role: batch",
        "container migrate: wrapped: it is an init container whose ConfigMaps and Secrets decide",
        "container web: wrapped: it is a container of a pod that opted in; its command is from the image",
        "decision: skip (not_opted_in)",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn a_missing_profile_stands_in_and_is_said() {
    let output = run(&["lint", "--no-diff", "shop.yaml"]);
    assert!(
        text(&output.stderr).contains("no profile is given"),
        "{output:?}"
    );
}

#[test]
fn statuses_say_whose_fault_it_is() {
    printed(&run(&["lint", "absent.yaml"]), 66);
    printed(&run(&["lint"]), 64);
    printed(&run(&["lint", "--image=x", "shop.yaml"]), 64);
    printed(&run(&["--help"]), 0);
    let script = run(&["completion", "bash"]);
    assert!(printed(&script, 0).contains("kubectl-cloudtaser"));
}

#[test]
fn every_command_has_a_manual_page_and_a_completion() {
    for page in [
        &["man"][..],
        &["man", "lint"],
        &["man", "why"],
        &["man", "profiles"],
    ] {
        assert!(printed(&run(page), 0).contains(".TH"), "{page:?}");
    }
    printed(&run(&["man", "nothing"]), 64);
    let script = run(&["completion", "zsh"]);
    assert!(printed(&script, 0).contains("--all-namespaces"));
}

/// A kubeconfig whose server is where nobody listens.
fn kubeconfig(folder: &std::path::Path, server: &str) -> String {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         clusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n\
         contexts: [{{name: here, context: {{cluster: c, user: u, namespace: shop}}}}]\n\
         users: [{{name: u, user: {{token: s3cret}}}}]\n"
    );
    let file = folder.join("kubeconfig");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[test]
fn x5_a_cluster_that_cannot_be_asked_is_told_with_its_own_status() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing listens at port 1 of the loopback interface; the control is the test of the tier
    // `api`, where a server does.
    let config = kubeconfig(folder.path(), "https://127.0.0.1:1");
    let output = run(&["why", "shop/web", "--kubeconfig", &config]);
    printed(&output, 69);
    let said = text(&output.stderr);
    assert!(
        said.contains("https://127.0.0.1:1 does not answer"),
        "{said}"
    );
    assert!(!said.contains("s3cret"));
    let output = run(&["profiles", "--kubeconfig", &config, "--context", "there"]);
    printed(&output, 66);
    assert!(
        text(&output.stderr).contains("no context `there`"),
        "{output:?}"
    );
    printed(&run(&["profiles", "--kubeconfig", "/nowhere/config"]), 66);
    let broken = folder.path().join("broken");
    std::fs::write(&broken, "users: [{user: {token: s3cret}").unwrap();
    let broken = broken.display().to_string();
    let output = run(&["why", "web", "--kubeconfig", &broken]);
    printed(&output, 66);
    assert!(!text(&output.stderr).contains("s3cret"), "{output:?}");
    printed(&run(&["why", "Shop/Web", "--kubeconfig", &config]), 64);
    printed(
        &run(&["profiles", "-n", "a", "-A", "--kubeconfig", &config]),
        64,
    );
}

const POD: &str = "apiVersion: v1\nkind: Pod\n\
    metadata: {name: web, annotations: {cloudtaser.io/inject: \"true\"}}\n\
    spec: {containers: [{name: app, image: a, command: [x]}]}\n";

/// Runs `lint` over a file that holds this.
fn lint(bytes: &[u8]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pods.yaml");
    std::fs::write(&file, bytes).unwrap();
    run(&["lint", "--no-diff", &file.display().to_string()])
}

#[test]
fn lint_reads_what_people_have_in_files() {
    let list = "kind: List\nitems:\n- {kind: Pod, metadata: {name: web, annotations: \
        {cloudtaser.io/inject: \"true\"}}, spec: {containers: [{name: app, command: [x]}]}}\n";
    let anchors = "kind: Pod\nmetadata: {name: web, annotations: {cloudtaser.io/inject: &yes 'true'}}\n\
        spec: {containers: [{name: app, command: [x], env: [{name: A, value: *yes}]}]}\n";
    for (name, text) in [
        ("as it is", POD.to_owned()),
        ("a byte-order mark", format!("\u{feff}{POD}")),
        ("CRLF", POD.replace('\n', "\r\n")),
        (
            "empty documents",
            format!("---\n---\n{POD}---\n# nothing\n"),
        ),
        ("a list", list.to_owned()),
        ("anchors", anchors.to_owned()),
    ] {
        let output = lint(text.as_bytes());
        let rows = printed(&output, 0)
            .matches("Pod   default    web   inject")
            .count();
        assert_eq!(rows, 1, "{name}: {output:?}");
    }
    // 2000 pods; the table has a head.
    let many = format!("{POD}---\n").repeat(2000);
    assert_eq!(printed(&lint(many.as_bytes()), 0).lines().count(), 2001);
}

#[test]
fn lint_says_where_a_file_is_wrong_and_not_what_stands_there() {
    let secret = "kind: Secret\nstringData: {password: s3cret\n";
    let output = lint(secret.as_bytes());
    printed(&output, 66);
    let said = text(&output.stderr);
    assert!(
        said.contains("pods.yaml as YAML") && said.contains("line "),
        "{said}"
    );
    assert!(!said.contains("s3cret"), "{said}");
    printed(&lint(b"{{ .Values.x }}\nkind: Pod\n"), 66);
    printed(&lint(&[0, 1, 0xff, 0xfe]), 66);
    printed(&run(&["lint", "."]), 66);
    // Aliases of aliases: 9 to the ninth values.
    let mut laugh = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (name, of) in ('b'..='i').zip('a'..) {
        let nine = vec![format!("*{of}"); 9].join(",");
        laugh.push_str(&format!("{name}: &{name} [{nine}]\n"));
    }
    printed(&lint(laugh.as_bytes()), 66);
}

#[test]
fn x5_a_pod_that_meant_to_opt_in_is_warned_of() {
    let args = [
        "lint",
        "--no-diff",
        "--strict",
        "--profile",
        "profile.yaml",
        "misspelt.yaml",
    ];
    let output = run(&args);
    let shown = printed(&output, 1);
    let told = "the pod has the annotation \"cloudtaser.io/Inject\", but not the annotation";
    assert!(shown.contains(told), "{shown}");
}

/// H4: names of a manifest are data, on a terminal too.
#[test]
fn h4_hostile_names_take_one_line_and_drive_no_terminal() {
    for command in ["lint", "why"] {
        let output = run(&[command, "--profile", "profile.yaml", "misspelt.yaml"]);
        let shown = text(&output.stdout);
        assert!(
            shown.contains(r"a\u{1b}[2Jb\n::error::c\u{202e}d"),
            "{command}: {shown}"
        );
        let is_hostile =
            |line: &str| line.starts_with("::") || line.contains(['\u{1b}', '\u{202e}']);
        assert!(!shown.lines().any(is_hostile), "{command}: {shown}");
    }
}
