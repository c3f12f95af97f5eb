//! The figures of the webhook that need a real API server: `webhook_bench`.
//!
//! It installs the webhook, measures, and prints one object of JSON. The variables of tier `api`
//! name the programs.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code: a panic shows what could not be measured"
)]

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cloudtaser_tests::kube::burst::{Burst, at_once};
use cloudtaser_tests::kube::installed::{is_wrapped, wanted};
use cloudtaser_tests::kube::{Installed, Load, Patch, Replica};
use cloudtaser_tests::process::{peak_memory, within};
use cloudtaser_tests::server::certs::{Authority, Flaw};
use cloudtaser_tests::server::front::Front;
use cloudtaser_tests::server::https::{Connection, reply, server_config};
use cloudtaser_tests::server::keep::folder;
use serde_json::{Value, json};

/// Pods at once.
const CROWD: usize = 500;
/// Rounds of them.
const ROUNDS: usize = 5;

/// Reviews at once that are made to take memory.
const HOSTILE: usize = 64;

fn main() {
    let registry = Registry::start();
    let installed = Installed::new();
    let file = registry.settings();
    let file = file.to_str().expect("a path");
    let flags = ["--registries", file, "--log-level", "info"];
    let (cold, crowd) = crowd(&installed, &registry, &flags);
    let hostile = hostile(&installed, &flags);
    let rotation = rotation(&installed, &flags);
    let told = json!({ "cold": cold, "crowd": crowd, "hostile": hostile, "rotation": rotation });
    writeln!(std::io::stdout(), "{told}").expect("written");
}

/// A registry with one image, over TLS, that counts what it is asked.
struct Registry {
    front: Front,
    authority: Authority,
    asked: [Arc<AtomicUsize>; 2],
}

impl Registry {
    fn start() -> Self {
        let authority = Authority::new("a registry");
        let tls = server_config(&authority.server(Flaw::None), None, rustls::ALL_VERSIONS);
        let config = json!({
            "architecture": "amd64", "os": "linux",
            "config": { "Entrypoint": ["/app"], "Cmd": ["--serve"] },
            "rootfs": { "type": "layers", "diff_ids": [] },
        })
        .to_string();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest(&config), "size": config.len(),
            },
            "layers": [],
        })
        .to_string();
        let asked = [Arc::<AtomicUsize>::default(), Arc::default()];
        let counts = asked.clone();
        let front = Front::new(move |stream, _| {
            let Ok(mut connection) = Connection::accept(stream, Arc::clone(&tls)) else {
                return;
            };
            while let Ok(Some(request)) = connection.request() {
                let (index, kind, body) = if request.path.contains("/manifests/") {
                    (0, "application/vnd.oci.image.manifest.v1+json", &manifest)
                } else {
                    (1, "application/octet-stream", &config)
                };
                counts[index].fetch_add(1, Ordering::SeqCst);
                let answer = reply(200, &[("content-type", kind)], body.as_bytes());
                if connection.write(&answer).is_err() {
                    return;
                }
            }
        });
        Self {
            front,
            authority,
            asked,
        }
    }

    fn image(&self) -> String {
        format!("{}/app:1", self.front.address)
    }

    /// Manifests and configurations that were asked for.
    fn counts(&self) -> [usize; 2] {
        [0, 1].map(|index: usize| self.asked[index].load(Ordering::SeqCst))
    }

    /// The file of `--registries`.
    fn settings(&self) -> PathBuf {
        let file = folder("registries").join("registries.yaml");
        let text = json!({ "registries": [{
            "host": self.front.address.to_string(), "authorities": self.authority.pem(),
        }] });
        std::fs::write(&file, text.to_string()).expect("written");
        file
    }
}

fn digest(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let hex: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

/// A pod like many: two containers, some variables, its command in the image.
fn pod(image: &str, is_in: bool) -> Value {
    let mut pod = wanted("app");
    if !is_in {
        pod["metadata"]["annotations"]["cloudtaser.io/inject"] = json!("false");
    }
    let container = |name: &str| {
        let variables =
            (0..10).map(|n| json!({ "name": format!("V{n}"), "value": format!("value-{n}") }));
        let mut variables: Vec<_> = variables.collect();
        variables.push(json!({ "name": "PASSWORD", "value": "vault:secret/data/db#password" }));
        json!({ "name": name, "image": image, "env": variables })
    };
    pod["spec"]["containers"] = json!([container("app"), container("side")]);
    pod
}

fn review(pod: &Value) -> String {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "operation": "CREATE",
            "kind": { "group": "", "version": "v1", "kind": "Pod" },
            "namespace": "shop", "name": "app", "object": pod,
        },
    })
    .to_string()
}

/// The first look-up, then everybody at once; opted-out pods in between are the base.
fn crowd(installed: &Installed, registry: &Registry, flags: &[&str]) -> (Value, Value) {
    let replica = installed.replica_with(flags);
    let namespace = installed.api.namespace("bench");
    let image = registry.image();
    let tried = installed
        .api
        .admin()
        .dry_run(&namespace.pods(), &pod(&image, true));
    assert!(is_wrapped(&tried.clone().ok("a dry run")), "{tried:?}");
    let cold = registry.counts();
    let (wanted, other) = (review(&pod(&image, true)), review(&pod(&image, false)));
    let rest = resident(&replica);
    let mut bursts = Vec::new();
    let before = Histogram::read(&replica);
    for _ in 0..ROUNDS {
        let of_base = Histogram::read(&replica);
        let base = at_once(installed, &replica, CROWD, &other);
        let of_wanted = Histogram::read(&replica);
        let crowd = at_once(installed, &replica, CROWD, &wanted);
        let end = Histogram::read(&replica);
        bursts.push((
            base,
            crowd,
            of_wanted.since(&of_base),
            end.since(&of_wanted),
        ));
    }
    let all = Histogram::read(&replica).since(&before);
    let failed: usize = bursts.iter().map(|(a, b, _, _)| a.failed + b.failed).sum();
    let median = |time: &dyn Fn(&Round) -> f64| {
        let mut times: Vec<f64> = bursts.iter().map(time).collect();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let worst = bursts
        .iter()
        .map(|burst| burst.3.within(0.99))
        .fold(0.0, f64::max);
    let told = json!({
        "reviews": all.count, "failed": failed, "at_once": CROWD, "rounds": ROUNDS,
        // The smallest bound of the histogram that holds 99 of 100, in the worst round.
        "inside_p99_ms": worst * 1e3,
        "inside_mean_ms": median(&|burst| burst.3.mean() * 1e3),
        "inside_mean_base_ms": median(&|burst| burst.2.mean() * 1e3),
        "client_p99_ms": median(&|burst| ms(burst.1.percentile(99))),
        "client_p99_base_ms": median(&|burst| ms(burst.0.percentile(99))),
        "client_p50_ms": median(&|burst| ms(burst.1.percentile(50))),
        "client_p50_base_ms": median(&|burst| ms(burst.0.percentile(50))),
        "review_bytes": wanted.len(),
        "resident_rest": rest,
        "resident_peak": peak_memory(replica.pid()),
        "registry_after": registry.counts(),
    });
    (json!({ "manifests": cold[0], "configs": cold[1] }), told)
}

/// Reviews that are made to take memory: long lists of digits, and long texts.
fn hostile(installed: &Installed, flags: &[&str]) -> Value {
    let replica = installed.replica_with(flags);
    let mut long = wanted("app");
    long["spec"]["containers"][0]["env"] =
        json!([{"name": "LONG", "value": "a".repeat(3_000_000)}]);
    let mut many = wanted("app");
    many["spec"]["unknown"] = json!(vec![0; 100_000]);
    let bursts = [long, many].map(|pod| at_once(installed, &replica, HOSTILE, &review(&pod)));
    json!({
        "at_once": HOSTILE,
        "not_answered": bursts.iter().map(|burst| burst.failed).sum::<usize>(),
        "resident_peak": peak_memory(replica.pid()),
    })
}

/// A hundred a second while serving certificate and authority change.
fn rotation(installed: &Installed, flags: &[&str]) -> Value {
    let both = [installed.replica_with(flags), installed.replica_with(flags)];
    let namespace = installed.api.namespace("rotation");
    let admin = installed.api.admin();
    let began = Instant::now();
    let load = Load::start(installed, &namespace.pods());
    load.more(100);
    let steps = |step: &str| {
        let lines = both.iter().flat_map(Replica::log);
        lines.filter(|line| line["step"] == step).count()
    };
    let long = Duration::from_mins(2);
    let signed = steps("sign_absent");
    let without = json!({ "data": { "tls.crt": null, "tls.key": null } });
    let _secret = admin
        .patch(&installed.secret(), Patch::Merge, &without)
        .ok("the Secret");
    assert!(
        within(long, || steps("sign_absent") > signed),
        "no new certificate"
    );
    load.more(100);
    let emptied = json!([{ "op": "remove", "path": "/data" }]);
    let _secret = admin
        .patch(&installed.secret(), Patch::Json, &emptied)
        .ok("the Secret");
    assert!(
        within(long, || steps("sign_absent") > signed + 1),
        "no new authority"
    );
    // Each replica shows it after its next look.
    load.more(1200);
    let (done, failed) = load.end();
    let seconds = began.elapsed().as_secs_f64();
    json!({ "admissions": done, "failed": failed.len(), "seconds": seconds })
}

/// VmRSS in bytes.
fn resident(replica: &Replica) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", replica.pid())).expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line
        .and_then(|text| text.trim().strip_suffix(" kB"))
        .expect("VmRSS");
    kib.parse::<u64>().expect("a number") << 10
}

/// The base and the crowd: at the clients, and inside.
type Round = (Burst, Burst, Histogram, Histogram);

/// `decision_seconds`.
struct Histogram {
    /// Bound in seconds, and how many were within it.
    buckets: Vec<(f64, f64)>,
    sum: f64,
    count: f64,
}

impl Histogram {
    fn read(replica: &Replica) -> Self {
        let (_, text) = replica.page("/metrics").expect("metrics");
        let name = "cloudtaser_webhook_decision_seconds";
        let of = |begin: &str| {
            let mut lines = text.lines();
            lines
                .find_map(|line| line.strip_prefix(begin)?.trim().parse().ok())
                .unwrap_or(0.0)
        };
        let buckets = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(&format!("{name}_bucket{{le=\""))?;
            let (bound, rest) = rest.split_once("\"} ")?;
            let bound = bound.parse().unwrap_or(f64::INFINITY);
            Some((bound, rest.split(' ').next()?.parse().ok()?))
        });
        Self {
            buckets: buckets.collect(),
            sum: of(&format!("{name}_sum ")),
            count: of(&format!("{name}_count ")),
        }
    }

    fn since(&self, before: &Self) -> Self {
        let pairs = self.buckets.iter().zip(&before.buckets);
        Self {
            buckets: pairs.map(|(now, then)| (now.0, now.1 - then.1)).collect(),
            sum: self.sum - before.sum,
            count: self.count - before.count,
        }
    }

    fn mean(&self) -> f64 {
        self.sum / self.count
    }

    /// The smallest bound that holds this part of all.
    fn within(&self, part: f64) -> f64 {
        let mut buckets = self.buckets.iter();
        let bucket = buckets.find(|(_, count)| *count >= part * self.count);
        bucket.map_or(f64::INFINITY, |(bound, _)| *bound)
    }
}
