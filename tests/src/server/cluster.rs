//! Several nodes with one store (raft): one leads, the others stand by, and take over.
//!
//! Three nodes outlive the death of one; of two, the other one could no longer decide anything. It
//! takes 6 s until three have found each other, and 3 s until another one leads: the server's own
//! limits, at their shortest.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use super::vault::{Pki, Ports, Server};
use crate::process::eventually;

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    /// Its nodes, dead ones too.
    pub nodes: Vec<Server>,
}

impl Cluster {
    /// The cluster of those tests that harm none of it. The first node leads.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(3))
    }

    /// Starts so many nodes; the first leads.
    ///
    /// # Panics
    ///
    /// When they do not come together.
    #[must_use]
    pub fn start(count: usize) -> Self {
        let pki = Arc::new(Pki::new());
        let mut first = Server::launch(Arc::clone(&pki), &|config, folder, ports| {
            keep_in_raft(config, folder, ports, 0);
        });
        (first.root_token, first.key) = first.admin().initialise();
        first.admin().unseal(&first.key);
        let is_led = eventually(|| first.admin().health() == 200);
        assert!(is_led, "{}", first.log());
        // A node that has come just now may vote at once.
        let _answer = first.admin().write(
            "sys/storage/raft/autopilot/configuration",
            &json!({ "server_stabilization_time": "100ms" }),
        );
        let mut nodes = vec![first];
        for number in 1..count {
            let mut node = Server::launch(Arc::clone(&pki), &|config, folder, ports| {
                keep_in_raft(config, folder, ports, number);
            });
            node.root_token.clone_from(&nodes[0].root_token);
            node.key.clone_from(&nodes[0].key);
            join(&node, &nodes[0].url(), &pki);
            nodes.push(node);
        }
        let all_vote = || {
            let answer = nodes[0].admin().read("sys/storage/raft/configuration");
            let servers = answer["data"]["config"]["servers"].as_array().cloned();
            let voters = servers.iter().flatten().filter(|one| one["voter"] == true);
            voters.count() == count
        };
        assert!(eventually(all_vote), "{}", nodes[0].log());
        Self { nodes }
    }

    /// The node that leads, by its own word.
    ///
    /// # Panics
    ///
    /// When none leads within the limit.
    #[must_use]
    pub fn leader(&self) -> usize {
        let mut leader = None;
        let leads = |node: &Server| {
            let health = node.admin().try_ask("GET", "sys/health", &Value::Null);
            health.is_ok_and(|reply| reply.status == 200)
        };
        let is_led = eventually(|| {
            leader = self.nodes.iter().position(leads);
            leader.is_some()
        });
        assert!(is_led, "no node leads");
        leader.expect("just found")
    }

    /// Kills a node at once, without a word to the others.
    pub fn kill(&mut self, number: usize) {
        self.nodes[number].process.kill();
    }

    /// The addresses of all nodes, as `--addr` takes them.
    #[must_use]
    pub fn urls(&self) -> String {
        let urls: Vec<_> = self.nodes.iter().map(Server::url).collect();
        urls.join(",")
    }
}

/// Has a node join the leader, which it can do when it is unsealed, and waits until it stands by.
fn join(node: &Server, leader: &str, pki: &Pki) {
    let admin = node.admin();
    let _answer = admin.write(
        "sys/storage/raft/join",
        &json!({
            "leader_api_addr": leader,
            "leader_ca_cert": pki.authority.pem(),
            "leader_client_cert": pki.client.certificate_pem,
            "leader_client_key": pki.client.key_pem,
        }),
    );
    let _answer = admin.write("sys/unseal", &json!({ "key": node.key }));
    let stands_by = eventually(|| admin.health() == 429);
    assert!(stands_by, "it does not join:\n{}", node.log());
}

/// The files of the store, an election as fast as the server allows, and one listener only: each
/// would have another beside it for the nodes to talk over.
fn keep_in_raft(config: &mut Value, folder: &Path, ports: &Ports, number: usize) {
    let path = folder.join("raft");
    std::fs::create_dir_all(&path).expect("a folder");
    let id = number.to_string();
    config["storage"] = json!({
        "raft": {
            "path": path,
            "node_id": id,
            "performance_multiplier": 1,
            // How often a new node's health is looked at, and it is given its vote.
            "autopilot_update_interval": "100ms",
            "autopilot_reconcile_interval": "100ms",
        },
    });
    let address = format!("127.0.0.1:{}", ports.cluster);
    config["cluster_addr"] = json!(format!("https://{address}"));
    let mut listener = config["listener"][0].take();
    listener["tcp"]["cluster_address"] = json!(address);
    config["listener"] = json!([listener]);
}
