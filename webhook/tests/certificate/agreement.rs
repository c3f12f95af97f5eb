//! The agreement's way through the years, step by step.

use std::collections::BTreeSet;

use cloudtaser_webhook::certificate::{
    Cause, Content, Names, SERVING_LIFETIME, Step, certificates, fact, verifies,
};
use time::Duration;

use crate::memory::{Memory, Replica, names};

fn content(memory: &Memory) -> Content {
    let world = memory.0.lock().unwrap();
    Content::read(&world.secret.as_ref().unwrap().1).unwrap()
}

fn one(memory: &Memory) -> Replica {
    Replica::new(memory, names(), Duration::ZERO)
}

#[test]
fn the_first_start_publishes_before_it_signs() {
    let memory = Memory::new(1);
    let mut replica = one(&memory);
    let steps = replica.sync().unwrap().steps;
    let words: Vec<_> = steps.iter().map(Step::reason).collect();
    assert_eq!(
        words,
        ["make_authority", "publish", "mark_published", "sign_absent"]
    );
    assert_eq!(replica.is_taken(), Some(true));
    let serving = content(&memory).serving.unwrap().fact;
    let expected = [
        "127.0.0.1",
        "cloudtaser-webhook.cloudtaser.svc",
        "cloudtaser-webhook.cloudtaser.svc.cluster.local",
    ];
    assert_eq!(serving.names, expected.map(String::from).into());
    assert!(!serving.is_authority);
    assert!(replica.sync().unwrap().steps.is_empty());
}

/// Ten years by half days: nobody is ever without a certificate that is taken, authorities come and
/// go, and the bundle stays small.
#[test]
fn w34_ten_years_pass_without_a_gap() {
    let memory = Memory::new(1);
    let skews = [-25, 0, 25];
    let new = |skew| Replica::new(&memory, names(), Duration::minutes(skew));
    let mut replicas = skews.map(new);
    let (mut authorities, mut certificates_seen) = (BTreeSet::new(), BTreeSet::new());
    for half_day in 0..7_300 {
        for replica in &mut replicas {
            replica.sync().unwrap();
        }
        if half_day == 0 {
            for replica in &mut replicas {
                replica.sync().unwrap();
            }
        }
        let world = memory.0.lock().unwrap();
        let bundle = certificates(&world.bundles.as_ref().unwrap().1[0]);
        drop(world);
        assert!(bundle.len() <= 3, "{}", bundle.len());
        authorities.extend(bundle.iter().map(|der| der.to_vec()));
        for replica in &replicas {
            assert_eq!(replica.is_taken(), Some(true), "half day {half_day}");
            certificates_seen.insert(replica.shown.loaded().unwrap().chain[0].to_vec());
        }
        memory.0.lock().unwrap().now += Duration::hours(12);
    }
    // A year less 120 days each; thirty days less ten each.
    assert!(
        (14..=17).contains(&authorities.len()),
        "{}",
        authorities.len()
    );
    assert!(
        certificates_seen.len() >= 180,
        "{}",
        certificates_seen.len()
    );
}

#[test]
fn an_authority_signs_only_after_it_was_published_for_an_hour() {
    let memory = Memory::new(1);
    let mut replica = one(&memory);
    replica.sync().unwrap();
    let first = content(&memory).current.certificate;
    memory.0.lock().unwrap().now += Duration::days(244);
    // The serving certificate is past by then; it is signed anew by the same authority.
    replica.sync().unwrap();
    memory.0.lock().unwrap().now += Duration::days(2);
    let steps = replica.sync().unwrap().steps;
    let words: Vec<_> = steps.iter().map(Step::reason).collect();
    assert_eq!(words, ["add_next", "publish", "mark_published"]);
    memory.0.lock().unwrap().now += Duration::minutes(59);
    assert!(replica.sync().unwrap().steps.is_empty());
    assert_eq!(content(&memory).current.certificate, first);
    memory.0.lock().unwrap().now += Duration::minutes(1);
    assert_eq!(replica.sync().unwrap().steps, [Step::Switch]);
    let after = content(&memory);
    assert_eq!(after.old, [first]);
    assert_eq!(after.next, None);
    assert_eq!(replica.is_taken(), Some(true));
}

/// Nobody was there until the authority's last week: signing again with it would go on for ever.
#[test]
fn in_the_authoritys_last_days_the_next_one_takes_over() {
    let memory = Memory::new(1);
    let mut replica = one(&memory);
    replica.sync().unwrap();
    memory.0.lock().unwrap().now += Duration::days(360);
    let steps = replica.sync().unwrap().steps;
    let words: Vec<_> = steps.iter().map(Step::reason).collect();
    assert_eq!(
        words,
        ["sign_near_end", "add_next", "publish", "mark_published"]
    );
    memory.0.lock().unwrap().now += Duration::hours(1);
    assert_eq!(replica.sync().unwrap().steps, [Step::Switch]);
    assert_eq!(replica.is_taken(), Some(true));
    assert!(replica.shown.end().unwrap() - memory.0.lock().unwrap().now > Duration::days(29));
}

#[test]
fn a_broken_secret_is_made_anew_and_what_is_served_stays_taken() {
    for field in ["ca.crt", "ca.key"] {
        let memory = Memory::new(1);
        let (mut a, mut b) = (one(&memory), one(&memory));
        a.sync().unwrap();
        b.sync().unwrap();
        {
            let mut world = memory.0.lock().unwrap();
            let (_, mut data) = world.secret.take().unwrap();
            data.insert(field.to_owned(), b"nonsense".to_vec().into());
            world.secret = Some((world.version(), data));
        }
        let report = a.sync().unwrap();
        let text = report.broken.unwrap().to_string();
        assert!(text.contains(field), "{text}");
        assert_eq!((a.is_taken(), b.is_taken()), (Some(true), Some(true)));
        memory.0.lock().unwrap().now += Duration::seconds(11);
        let steps = a.sync().unwrap().steps;
        assert_eq!(steps, [Step::SignServing(Cause::Absent)]);
        b.sync().unwrap();
        assert_eq!((a.is_taken(), b.is_taken()), (Some(true), Some(true)));
    }
}

#[test]
fn a_bundle_that_somebody_has_emptied_comes_back() {
    let memory = Memory::new(2);
    let mut replica = one(&memory);
    replica.sync().unwrap();
    memory.0.lock().unwrap().bundles = Some((99, vec![Vec::new(); 2]));
    assert_eq!(replica.is_taken(), Some(false));
    replica.sync().unwrap();
    assert_eq!(replica.is_taken(), Some(true));
}

#[test]
fn without_a_configuration_there_is_a_certificate_all_the_same() {
    let memory = Memory::new(1);
    memory.0.lock().unwrap().bundles = None;
    let mut replica = one(&memory);
    replica.sync().unwrap();
    assert!(replica.shown.loaded().is_some());
}

#[test]
fn while_a_rename_rolls_out_old_and_new_replicas_do_not_take_turns() {
    let memory = Memory::new(1);
    let renamed = Names {
        service: "other".to_owned(),
        ..names()
    };
    let mut old = one(&memory);
    let mut new = Replica::new(&memory, renamed.clone(), Duration::ZERO);
    old.sync().unwrap();
    assert_eq!(new.sync().unwrap().steps, [Step::SignServing(Cause::Names)]);
    assert!(old.sync().unwrap().steps.is_empty());
    assert!(new.sync().unwrap().steps.is_empty());
    // The next renewal is for the new name alone.
    memory.0.lock().unwrap().now += SERVING_LIFETIME - Duration::days(9);
    assert_eq!(
        new.sync().unwrap().steps,
        [Step::SignServing(Cause::NearEnd)]
    );
    assert_eq!(content(&memory).serving.unwrap().fact.names, renamed.all());
}

#[test]
fn a_foreign_authority_with_a_long_life_leaves_the_bundle() {
    let memory = Memory::new(1);
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let foreign = params.self_signed(&rcgen::KeyPair::generate().unwrap());
    let foreign = foreign.unwrap().pem().into_bytes();
    memory.0.lock().unwrap().bundles = Some((0, vec![foreign]));
    one(&memory).sync().unwrap();
    let world = memory.0.lock().unwrap();
    let bundle = certificates(&world.bundles.as_ref().unwrap().1[0]);
    assert_eq!(bundle.len(), 1);
    assert!(fact(&bundle[0]).unwrap().end < world.now + Duration::days(366));
}

/// The invariant's own check can fail: another authority, another name, another time.
#[test]
fn verification_refuses_what_an_api_server_refuses() {
    let (memory, other) = (Memory::new(1), Memory::new(1));
    for memory in [&memory, &other] {
        one(memory).sync().unwrap();
    }
    let (ours, theirs) = (content(&memory), content(&other));
    let chain = ours.serving.clone().unwrap().chain;
    let now = memory.0.lock().unwrap().now;
    let name = names().expected();
    let takes = |bundle: &Content, name: &str, at| verifies(&chain, &bundle.bundle(), name, at);
    assert!(takes(&ours, &name, now));
    assert!(!takes(&theirs, &name, now));
    assert!(!takes(&ours, "kubernetes.default.svc", now));
    assert!(!takes(&ours, &name, now + Duration::days(31)));
    assert!(!takes(&ours, &name, now - Duration::hours(2)));
    assert!(takes(&ours, &name, now - Duration::minutes(59)));
    assert!(!verifies(&[], &ours.bundle(), &name, now));
    assert!(!verifies(&chain, &[], &name, now));
    // An authority is no server.
    assert!(!verifies(
        std::slice::from_ref(&ours.current.certificate),
        &ours.bundle(),
        &name,
        now
    ));
}

#[test]
fn keys_are_not_printed() {
    let memory = Memory::new(1);
    one(&memory).sync().unwrap();
    let content = content(&memory);
    let shown = format!("{content:?}");
    assert!(shown.contains("PrivateKey([not shown])"), "{shown}");
    let key = content.write()["ca.key"].clone();
    let text = String::from_utf8(key.to_vec()).unwrap();
    assert!(text.starts_with("-----BEGIN PRIVATE KEY-----"), "no key");
    assert!(!shown.contains(&text));
    assert_eq!(Content::read(&content.write()).unwrap(), content);
}
