//! Stand-by and fail-over of a real cluster, as a plain client sees them, and the product.

use cloudtaser_tests::Wrapper;
use cloudtaser_tests::server::Cluster;
use cloudtaser_wrapper::status;
use serde_json::{Value, json};

use super::app::{environment, refused, text};

#[test]
fn a_node_stands_by_and_takes_over_when_the_leader_is_killed() {
    let mut cluster = Cluster::start(3);
    assert_eq!(cluster.leader(), 0);
    let admin = cluster.nodes[0].admin();
    let kv = admin.kv("kv", 1);
    kv.put("app", &json!({ "password": "hunter2" }));
    admin.allow("app", "kv");
    let role_id = admin.approle_login("approle", "app", &["app"]);
    // Each start uses one up; they are made while the leader lives.
    let secret_ids: Vec<_> = (0..5).map(|_| admin.secret_id("approle", "app")).collect();
    let start = |addresses: &str, secret_id: &str| {
        let pki = &cluster.nodes[0].pki;
        Wrapper::openbao_at(addresses, &pki.authority, Some(&pki.client))
            .login("approle", "approle", "")
            .flag("--role-id", &role_id)
            .flag_file("--secret-id-file", secret_id)
            .env("A", "vault:kv/app#password")
    };
    let (first, urls) = (cluster.nodes[0].url(), cluster.urls());
    // Those who stand by ask the leader.
    for (node, secret_id) in cluster.nodes.iter().zip(&secret_ids) {
        assert_eq!(node.admin().read("kv/app")["data"]["password"], "hunter2");
        let given = environment(&start(&node.url(), secret_id));
        assert_eq!(text(&given, "A"), "hunter2");
        assert!(admin.accessors_with("app").is_empty());
    }
    let (alone, all) = (start(&first, &secret_ids[3]), start(&urls, &secret_ids[4]));
    cluster.kill(0);
    let dead = cluster.nodes[0].admin();
    assert!(dead.try_ask("GET", "sys/health", &Value::Null).is_err());
    let _ended = refused(&alone, status::SOURCE, &["does the server run?"]);
    // From the dead node on, while the others elect: retries outlast that.
    let given = environment(&all.flag("--retries", "20"));
    assert_eq!(text(&given, "A"), "hunter2");
    let leader = cluster.leader();
    assert_ne!(leader, 0);
    let admin = cluster.nodes[leader].admin();
    assert_eq!(admin.read("kv/app")["data"]["password"], "hunter2");
    assert!(admin.accessors_with("app").is_empty());
}
