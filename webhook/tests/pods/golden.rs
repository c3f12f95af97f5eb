//! Golden pods: each `golden/NAME.yaml` is a case, `golden/NAME.json` what must come of it. The
//! name begins with the case of the acceptance list that it shows.
//!
//! Each is applied twice: the second time nothing may change. With `CLOUDTASER_GENERATE=1` the
//! expected files are written instead; review the difference before a commit.

use std::path::{Path, PathBuf};

use crate::support::Case;
use cloudtaser_webhook::decide::Decision;
use serde_json::{Value, json};

pub(crate) fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml"))
        .collect();
    files.sort();
    files
}

fn described(case: &Case) -> Value {
    let outcome = case.run();
    let (decision, message) = match &outcome.verdict.decision {
        Decision::Skip(_) => ("skip", Value::Null),
        Decision::Deny(refusal) => ("deny", refusal.to_string().into()),
        Decision::Inject(_) => ("inject", Value::Null),
    };
    let needs = case.needs();
    let sources = |set: &std::collections::BTreeSet<_>| -> Vec<String> {
        set.iter()
            .map(cloudtaser_webhook::decide::SourceKey::describe)
            .collect()
    };
    json!({
        "decision": decision,
        "reason": outcome.reason(),
        "message": message,
        "warnings": outcome.verdict.warnings,
        "needs": {
            "images": needs.images,
            "deciding": sources(&needs.deciding_sources),
            "other": sources(&needs.other_sources),
        },
        "patch": serde_json::to_value(&outcome.patch).unwrap(),
    })
}

#[test]
fn golden_pods_give_golden_patches_and_twice_is_once() {
    let is_writing = std::env::var_os("CLOUDTASER_GENERATE").is_some();
    let mut wrong = Vec::new();
    let files = files();
    assert!(files.len() >= 40, "{} golden pods", files.len());
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut case = Case::read(&std::fs::read_to_string(&file).unwrap());
        let found = serde_json::to_string_pretty(&described(&case)).unwrap() + "\n";
        let expected = file.with_extension("json");
        if is_writing {
            std::fs::write(&expected, &found).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != found {
            wrong.push(format!("{name}: now {found}"));
        }
        let outcome = case.run();
        if let Decision::Inject(_) = outcome.verdict.decision {
            json_patch::patch(&mut case.pod, &outcome.patch).unwrap();
            let again = case.run();
            assert!(
                matches!(again.verdict.decision, Decision::Inject(_)),
                "{name}: {again:?}"
            );
            assert!(again.patch.is_empty(), "{name}: {:?}", again.patch);
        } else {
            assert!(outcome.patch.is_empty(), "{name}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
