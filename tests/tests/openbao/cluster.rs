//! Stand-by and fail-over of a real cluster, as a plain client sees them.

use cloudtaser_tests::server::Cluster;
use serde_json::{Value, json};

#[test]
fn a_node_stands_by_and_takes_over_when_the_leader_is_killed() {
    let mut cluster = Cluster::start(3);
    assert_eq!(cluster.leader(), 0);
    let kv = cluster.nodes[0].admin().kv("kv", 1);
    kv.put("app", &json!({ "password": "hunter2" }));
    // Those who stand by ask the leader.
    for node in &cluster.nodes {
        assert_eq!(node.admin().read("kv/app")["data"]["password"], "hunter2");
    }
    cluster.kill(0);
    let dead = cluster.nodes[0].admin();
    assert!(dead.try_ask("GET", "sys/health", &Value::Null).is_err());
    let leader = cluster.leader();
    assert_ne!(leader, 0);
    let admin = cluster.nodes[leader].admin();
    assert_eq!(admin.read("kv/app")["data"]["password"], "hunter2");
}
