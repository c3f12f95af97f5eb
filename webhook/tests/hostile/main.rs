//! Reviews that are made to cost: each is answered within the API server's time, and all of them
//! leave the process within its memory. A program of its own, so that the peak of resident memory
//! (`VmHWM`) is that of these reviews, their sender included.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests panic, so that the line is shown"
)]

#[expect(dead_code, reason = "other tests need the rest of it")]
#[path = "../serve/support.rs"]
mod support;

use std::time::{Duration, Instant};

use cloudtaser_webhook::serve::settings::Limits;
use serde_json::{Value, json};

use crate::support::{Up, pod, read, request, review, up};

/// The time-out of an API server by default. Even a debug build on a loaded machine has room in it:
/// what is kept out here takes hours.
const IN_TIME: Duration = Duration::from_secs(10);
/// MiB that the reviews may add to what the process holds after an ordinary one. Chosen: what the
/// bounds give (16 MiB for a review, 1 for what is added, as plan, patch and answer), and as much
/// again for the sender and the allocator.
const MOST_MIB: u64 = 100;

/// The most that the process ever held, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib / 1024
}

/// Asks, and tells status and answer. Over HTTP/2: over HTTP/1.1 a refusal before the body's end
/// breaks its writing off, and the answer can be lost with it.
async fn sent(up: &Up, name: &str, body: String) -> (u16, Value) {
    let mut client = up.http2().await;
    let started = Instant::now();
    let answered = read(client.send_request(request(body)).await.unwrap()).await;
    let took = started.elapsed();
    println!("{name}: {} after {took:?}, peak {} MiB", answered.0, peak());
    assert!(took < IN_TIME, "{name} took {took:?}");
    answered
}

fn containers(count: usize, env: &Value) -> Value {
    let one = |n| json!({"name": format!("c{n}"), "image": "i", "command": ["/a"], "env": env});
    (0..count).map(one).collect()
}

fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut asked = review("u", &pod("shop"));
    change(&mut asked["request"]["object"]);
    asked.to_string()
}

/// As many letters as make the body this long.
fn filled(bytes: usize) -> String {
    let long = |letters: usize| {
        changed(|pod| pod["spec"]["containers"][0]["args"] = json!(["a".repeat(letters)]))
    };
    long(bytes - long(0).len())
}

/// Name, body, status, and a part of what a refusal says; nothing where the pod is allowed.
fn hostile() -> Vec<(&'static str, String, u16, Option<&'static str>)> {
    let annotated = |key: &str, value: String| {
        changed(|pod| pod["metadata"]["annotations"][key] = value.into())
    };
    let key = |name: &str| format!("cloudtaser.io/{name}");
    let references: Value = (0..5)
        .map(|n| json!({"name": format!("V{n}"), "value": "vault:secret/data/db#password"}))
        .collect();
    let variables: Value = (0..7_000)
        .map(|n| json!({"name": format!("V{n}"), "value": "vault:a"}))
        .collect();
    let arguments: String = (0..7_000).map(|n| format!("$(V{n})")).collect();
    let mut deep = changed(|pod| pod["spec"]["unknown"] = json!("DEEP"));
    deep = deep.replace("\"DEEP\"", &("[".repeat(60_000) + &"]".repeat(60_000)));
    let mut shallow = changed(|pod| pod["spec"]["unknown"] = json!("DEEP"));
    shallow = shallow.replace("\"DEEP\"", &("[".repeat(100) + &"]".repeat(100)));
    let too_many = Some("annotations of the pod have more than");
    vec![
        (
            "huge annotation",
            annotated(&key("files"), format!("/a={}", "x".repeat(2 << 20))),
            200,
            too_many,
        ),
        (
            "huge foreign annotation",
            annotated("vault.hashicorp.com/role", "x".repeat(2 << 20)),
            200,
            too_many,
        ),
        (
            "annotation of a quarter MiB",
            annotated("a.example/b", "x".repeat(250 << 10)),
            200,
            None,
        ),
        (
            "many groups",
            annotated(&key("env-map"), ";".repeat(200 << 10)),
            200,
            None,
        ),
        (
            "many keys",
            changed(|pod| {
                for n in 0..8_000 {
                    pod["metadata"]["annotations"][key(&format!("secret-path-{n}"))] = json!("");
                }
            }),
            200,
            None,
        ),
        (
            "300 containers",
            changed(|pod| pod["spec"]["containers"] = containers(300, &references)),
            200,
            None,
        ),
        (
            "9,000 containers",
            changed(|pod| pod["spec"]["containers"] = containers(9_000, &json!([]))),
            200,
            Some("more than 4,096 containers"),
        ),
        (
            "1,000 containers, long annotation",
            changed(|pod| {
                pod["metadata"]["annotations"][key("files")] =
                    json!(format!("/a={}", "x".repeat(200 << 10)));
                pod["spec"]["containers"] = containers(1_000, &json!([]));
            }),
            200,
            Some("get more than"),
        ),
        (
            "long names",
            changed(|pod| {
                pod["metadata"]["annotations"][key("containers")] = json!("a".repeat(200 << 10));
                pod["spec"]["containers"][0]["name"] = json!("a".repeat(2 << 20));
            }),
            200,
            Some("longer than 63 bytes"),
        ),
        (
            "long name, many warnings",
            changed(|pod| {
                let app = &mut pod["spec"]["containers"][0];
                app["name"] = json!("a".repeat(1 << 20));
                app["env"] = variables.clone();
                app["args"] = json!([arguments]);
            }),
            200,
            Some("longer than 63 bytes"),
        ),
        (
            "many warnings",
            changed(|pod| {
                let app = &mut pod["spec"]["containers"][0];
                app["env"] = variables.clone();
                app["args"] = json!([arguments]);
            }),
            200,
            None,
        ),
        ("deep", deep, 400, None),
        ("less deep", shallow, 200, None),
        ("3 MiB", filled(3 << 20), 200, Some("get more than")),
        (
            "over the limit",
            filled(Limits::default().body_bytes + 1),
            413,
            None,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_reviews_are_answered_in_time_and_within_memory() {
    let up = up(Limits::default()).await;
    up.works().await;
    let cases = hostile();
    let before = peak();
    for (name, body, expected, refusal) in cases {
        let (status, answer) = sent(&up, name, body).await;
        let said = &answer["response"]["status"]["message"];
        assert_eq!(status, expected, "{name}: {said}");
        let said = said.as_str().unwrap_or_default();
        match refusal {
            Some(part) => assert!(said.contains(part), "{name}: {said}"),
            None if expected == 200 => {
                assert_eq!(answer["response"]["allowed"], true, "{name}: {said}");
            }
            None => {}
        }
        assert!(said.len() <= 4096, "{name}: {} bytes", said.len());
    }
    let grown = peak() - before;
    assert!(
        grown <= MOST_MIB,
        "{grown} MiB more than the {before} before"
    );
    up.works().await;
}
