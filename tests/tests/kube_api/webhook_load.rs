//! W34: a hundred admissions a second while certificates, authorities and replicas change: none
//! fails.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cloudtaser_tests::kube::burst::at_once;
use cloudtaser_tests::kube::installed::wanted;
use cloudtaser_tests::kube::{Installed, Load, Patch, Replica};
use cloudtaser_tests::process::{eventually, within};
use cloudtaser_tests::server::Authority;
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};

/// What a replica shows an API server that trusts the configuration's bundle.
fn shown(installed: &Installed, replica: &Replica) -> Result<CertificateDer<'static>, String> {
    let mut connection = installed.connection();
    let mut stream = std::net::TcpStream::connect(replica.reviews).unwrap();
    while connection.is_handshaking() {
        let done = connection.complete_io(&mut stream);
        done.map_err(|error| error.to_string())?;
    }
    let chain = connection.peer_certificates().unwrap();
    Ok(chain[0].clone().into_owned())
}

fn none_failed(load: Load) -> usize {
    let (done, failed) = load.end();
    assert!(
        failed.is_empty(),
        "{} of {done}: {:?}",
        failed.len(),
        failed[0]
    );
    done
}

fn steps(replicas: &[&Replica], step: &str) -> usize {
    let lines = replicas.iter().flat_map(|replica| replica.log());
    lines.filter(|line| line["step"] == step).count()
}

#[test]
fn no_admission_fails_while_certificate_and_authority_change() {
    let installed = Installed::new();
    let (one, other) = (installed.replica(), installed.replica());
    let both = [&one, &other];
    let namespace = installed.api.namespace("rotation");
    let admin = installed.api.admin();
    let load = Load::start(&installed, &namespace.pods());
    load.more(100);
    let first = shown(&installed, &one).unwrap();
    // They agree: one certificate, made once.
    assert_eq!(shown(&installed, &other).unwrap(), first);
    assert_eq!(steps(&both, "make_authority"), 1);

    // A new serving certificate of the same authority.
    let secret = admin.get(&installed.secret());
    let keys: Vec<String> = secret["data"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let serving: Vec<_> = keys.iter().filter(|key| key.starts_with("tls.")).collect();
    assert_eq!(serving.len(), 2, "{keys:?}");
    let without: serde_json::Map<String, Value> = serving
        .into_iter()
        .map(|key| (key.clone(), Value::Null))
        .collect();
    let changed = admin.patch(
        &installed.secret(),
        Patch::Merge,
        &json!({ "data": without }),
    );
    let _secret = changed.ok("the Secret");
    let is_new = |before: &CertificateDer<'static>| {
        eventually_long(|| {
            both.iter()
                .all(|one| shown(&installed, one).is_ok_and(|now| now != *before))
        })
    };
    assert!(is_new(&first));
    load.more(100);
    let second = shown(&installed, &one).unwrap();

    // Everything is lost: another authority, other keys.
    let emptied = json!([{ "op": "remove", "path": "/data" }]);
    let _secret = admin
        .patch(&installed.secret(), Patch::Json, &emptied)
        .ok("the Secret");
    assert!(is_new(&second));
    assert_eq!(steps(&both, "make_authority"), 2);
    load.more(100);
    let third = shown(&installed, &one).unwrap();
    assert_eq!(shown(&installed, &other).unwrap(), third);
    // A hundred a second for the three times ten seconds that the replicas take.
    let done = none_failed(load);
    assert!(done >= 500, "{done}");
}

#[test]
fn no_admission_fails_while_replicas_are_replaced() {
    let installed = Installed::new();
    let namespace = installed.api.namespace("rolling");
    let mut old = installed.replica();
    let load = Load::start(&installed, &namespace.pods());
    load.more(50);
    for _ in 0..3 {
        let new = installed.replica();
        load.more(30);
        // As a Deployment's roll-out: the endpoint goes, then the signal.
        old.terminate();
        load.more(100);
        assert_eq!(old.ended(), Some(0));
        old = new;
    }
    load.more(50);
    let done = none_failed(load);
    assert!(done >= 300, "{done}");
    // Control: with nobody left they fail.
    old.kill();
    let admin = installed.api.admin();
    let is_refused = || admin.dry_run(&namespace.pods(), &wanted("app")).status != 201;
    assert!(eventually(is_refused));
}

/// W35, but for the time: `cargo xtask bench webhook` has it.
#[test]
fn none_of_five_hundred_at_once_fails() {
    let installed = Installed::new();
    let replica = installed.replica();
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "u", "operation": "CREATE", "namespace": "shop",
            "kind": { "group": "", "version": "v1", "kind": "Pod" },
            "object": wanted("app"),
        },
    });
    let burst = at_once(&installed, &replica, 500, &review.to_string());
    assert_eq!(burst.failed, 0);
    let counted = "cloudtaser_webhook_decisions_total{decision=\"inject\",reason=\"injected\"}";
    // Each connection has served one before.
    assert_eq!(replica.metric(counted), 1000.0);
}

/// 429 with `Retry-After`: the API server asks again, within its own time-out, and then refuses.
#[test]
fn an_api_server_that_is_turned_away_asks_again() {
    let installed = Installed::new();
    let full = installed.replica_with(&["--max-reviews", "0"]);
    let namespace = installed.api.namespace("full");
    let admin = installed.api.admin();
    let away = || full.metric("cloudtaser_webhook_turned_away_total{reason=\"full\"}");
    let is_asked = || {
        let reply = admin.dry_run(&namespace.pods(), &wanted("probe"));
        assert_ne!(reply.status, 201, "{reply:?}");
        away() > 0.0
    };
    assert!(eventually(is_asked));
    let before = away();
    let reply = admin.dry_run(&namespace.pods(), &wanted("app"));
    assert_ne!(reply.status, 201, "{reply:?}");
    assert!(away() - before >= 3.0, "{} times", away() - before);
    // With room beside it, one of the next tries finds it.
    let _with_room = installed.replica();
    let reply = admin.dry_run(&namespace.pods(), &wanted("app"));
    assert_eq!(reply.status, 201, "{reply:?}");
}

#[test]
fn a_bundle_that_somebody_overwrites_is_put_back() {
    let installed = Installed::new();
    let replica = installed.replica();
    let admin = installed.api.admin();
    let broken = json!([{ "op": "remove", "path": "/webhooks/0/clientConfig/caBundle" }]);
    let _object = admin
        .patch(&installed.configuration(), Patch::Json, &broken)
        .ok("broken");
    assert!(shown(&installed, &replica).is_err());
    assert!(eventually_long(|| shown(&installed, &replica).is_ok()));
    let namespace = installed.api.namespace("bundle");
    let is_admitted = || admin.dry_run(&namespace.pods(), &wanted("app")).status == 201;
    assert!(eventually(is_admitted));
}

/// What hangs on the replicas' interval of ten seconds, some times over.
fn eventually_long(holds: impl FnMut() -> bool) -> bool {
    within(Duration::from_mins(2), holds)
}

/// cert-manager's way: files that somebody else writes, and a `caBundle` that somebody else fills.
#[test]
fn a_certificate_from_files_is_exchanged_while_it_runs() {
    let installed = Installed::new();
    let place = tempfile::tempdir().unwrap();
    let name = "cloudtaser-webhook.cloudtaser.svc";
    let authority = Authority::new("cert-manager");
    let write = || {
        // Both at once, as the kubelet does it: by the name of their folder.
        let folder = tempfile::tempdir_in(place.path()).unwrap().keep();
        let _files = authority.server_called(name).write(&folder, "tls");
        let (new, link) = (place.path().join("new"), place.path().join("now"));
        std::os::unix::fs::symlink(&folder, &new).unwrap();
        std::fs::rename(&new, &link).unwrap();
        link
    };
    let folder = write();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let bundle = BASE64_STANDARD.encode(authority.pem());
    let bundle =
        json!([{ "op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": bundle }]);
    let admin = installed.api.admin();
    let _object = admin
        .patch(&installed.configuration(), Patch::Json, &bundle)
        .ok("a bundle");
    let (certificate, key) = (file("tls.crt"), file("tls.key"));
    let replica = installed.replica_with(&["--tls-cert", &certificate, "--tls-key", &key]);
    let first = shown(&installed, &replica).unwrap();
    let namespace = installed.api.namespace("files");
    let load = Load::start(&installed, &namespace.pods());
    load.more(50);
    let _folder = write();
    assert!(eventually_long(
        || shown(&installed, &replica).is_ok_and(|now| now != first)
    ));
    load.more(50);
    let _done = none_failed(load);
    // The Secret and the bundle are not ours then.
    let secret = admin.get(&installed.secret());
    assert_eq!(secret["data"], Value::Null);
}
