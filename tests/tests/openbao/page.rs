//! The table "When something is wrong" of `docs/server.md`, row by row: each is made to happen, and
//! status and message are as the page says. Nothing was started, no token stays, the limits hold.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cloudtaser_tests::Wrapper;
use cloudtaser_tests::server::{Admin, Server, unique};

use crate::situations::{World, make};

/// A row: what happens, status, what the message holds.
struct Row {
    situation: String,
    status: i32,
    message: String,
}

/// Far more than any limit that a situation sets. Chosen: the page's own total is 30 s.
const LONGEST: Duration = Duration::from_secs(25);

fn rows() -> Vec<Row> {
    let page = include_str!("../../../docs/server.md");
    let section = page
        .split("## When something is wrong")
        .nth(1)
        .expect("the section");
    let lines = section.lines().filter(|line| line.starts_with("| "));
    let cells = lines.map(|line| line.trim_matches('|').split(" | ").collect::<Vec<_>>());
    let rows = cells.filter(|cells| cells.len() == 3 && cells[1].parse::<i32>().is_ok());
    rows.map(|cells| Row {
        situation: cells[0].trim().to_owned(),
        status: cells[1].parse().expect("a number"),
        message: cells[2].trim().trim_matches('`').to_owned(),
    })
    .collect()
}

/// A wrapper whose program leaves a trace.
fn check(row: &Row, wrapper: &Wrapper, admin: &Admin, policy: &str) -> Result<(), String> {
    let begin = Instant::now();
    let ended = wrapper.run(&["sh", "-c", "echo > started"]);
    let took = begin.elapsed();
    let mut faults = Vec::new();
    if ended.status() != row.status {
        faults.push(format!("status {}, not {}", ended.status(), row.status));
    }
    if !ended.stderr().contains(&row.message) {
        faults.push(format!("no `{}`", row.message));
    }
    if wrapper.folder().join("started").exists() {
        faults.push(String::from("the program was started"));
    }
    if took > LONGEST {
        faults.push(format!("it took {took:?}"));
    }
    let left = admin.accessors_with(policy);
    if !left.is_empty() {
        faults.push(format!("tokens stay: {left:?}"));
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "{}: {}: {ended:?}",
            row.situation,
            faults.join("; ")
        )),
    }
}

#[test]
fn every_row_of_the_page_is_what_happens() {
    let rows = rows();
    assert!(rows.len() > 40, "{} rows are read", rows.len());
    let names: BTreeSet<_> = rows.iter().map(|row| &row.situation).collect();
    assert_eq!(names.len(), rows.len(), "a row stands there twice");
    let mut faults = Vec::new();
    for row in &rows {
        let admin = Server::shared().admin();
        let policy = unique("page");
        let world = World::new(&admin, &policy);
        let Some(wrapper) = make(&row.situation, &world) else {
            faults.push(format!("nobody knows how `{}` happens", row.situation));
            continue;
        };
        faults.extend(check(row, &wrapper, &admin, &policy).err());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[test]
fn the_same_start_without_a_fault_succeeds() {
    let admin = Server::shared().admin();
    let policy = unique("page");
    let world = World::new(&admin, &policy);
    for wrapper in [world.good(), world.proxied(|_| {})] {
        let ended = wrapper.run(&["sh", "-c", "echo $A"]).with(0);
        assert_eq!(ended.stdout(), "p4ss\n", "{ended:?}");
    }
    // Control: a token that is not revoked is seen by the search for tokens.
    let token = admin.create_token(&[&policy]);
    assert_eq!(
        admin.accessors_with(&policy),
        BTreeSet::from([token.accessor])
    );
}
