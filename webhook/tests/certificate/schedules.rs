//! The invariant, over random schedules: at no instant does an API server refuse a certificate that
//! is served and not past. Replicas' requests interleave, fail, lose their answers; clocks differ
//! by up to half an hour either way; time jumps; replicas start anew; somebody breaks the Secret.

use cloudtaser_webhook::certificate::Data;
use proptest::prelude::*;
use time::Duration;

use crate::memory::{Memory, Replica, names};

#[derive(Clone, Debug)]
enum Action {
    Poll(usize),
    Sync(usize),
    Minutes(i64),
    Days(i64),
    Fail,
    Lose,
    Restart(usize),
    Break(usize),
    /// Puts back what the Secret was when this was done before.
    Backup,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        60 => (0..5_usize).prop_map(Action::Poll),
        20 => (0..5_usize).prop_map(Action::Sync),
        6 => (0..90_i64).prop_map(Action::Minutes),
        8 => (0..60_i64).prop_map(Action::Days),
        1 => (200..900_i64).prop_map(Action::Days),
        3 => Just(Action::Fail),
        3 => Just(Action::Lose),
        2 => (0..5_usize).prop_map(Action::Restart),
        1 => (0..6_usize).prop_map(Action::Break),
        1 => Just(Action::Backup),
    ];
    prop::collection::vec(action, 50..300)
}

fn spoil(data: Option<Data>, how: usize) -> Option<Data> {
    let mut data = data?;
    let copy = |data: &mut Data, from: &str, to: &str| {
        let value = data.get(from).cloned().unwrap_or_default();
        data.insert(to.to_owned(), value);
    };
    match how {
        0 => return None,
        1 => data.clear(),
        2 => copy(&mut data, "tls.key", "ca.key"),
        3 => copy(&mut data, "ca.crt", "tls.crt"),
        4 => data.values_mut().for_each(|value| value.truncate(100)),
        _ => {
            let noise = b"\xff\0-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
            data.insert("ca.crt".to_owned(), noise.to_vec().into());
        }
    }
    Some(data)
}

fn run(replicas: usize, skews: &[i64], actions: Vec<Action>) {
    let memory = Memory::new(2);
    let new = |skew: &i64| Replica::new(&memory, names(), Duration::minutes(*skew));
    let mut all: Vec<_> = skews.iter().take(replicas).map(new).collect();
    let (mut broken, mut backup) = (0, None);
    for (number, action) in actions.into_iter().enumerate() {
        let lock = || memory.0.lock().unwrap();
        match action {
            Action::Poll(replica) => drop(all[replica % replicas].poll()),
            Action::Sync(replica) => drop(all[replica % replicas].sync()),
            Action::Minutes(minutes) => lock().now += Duration::minutes(minutes),
            Action::Days(days) => lock().now += Duration::days(days),
            Action::Fail => lock().fails = true,
            Action::Lose => lock().loses = true,
            Action::Restart(replica) => all[replica % replicas].restart(),
            // 8: a bundle holds so many authorities and some more.
            Action::Break(how) if broken < 8 => {
                broken += 1;
                let mut world = lock();
                let data = world.secret.take().map(|(_, data)| data);
                let version = world.version();
                world.secret = spoil(data, how).map(|data| (version, data));
            }
            Action::Backup if broken < 8 => {
                broken += 1;
                let mut world = lock();
                let now = world.secret.as_ref().map(|(_, data)| data.clone());
                let version = world.version();
                if let Some(before) = backup.replace(now).flatten() {
                    world.secret = Some((version, before));
                }
            }
            Action::Break(_) | Action::Backup => {}
        }
        for (replica, one) in all.iter().enumerate() {
            assert_ne!(
                one.is_taken(),
                Some(false),
                "replica {replica} after action {number}"
            );
        }
    }
    // Nothing happens any more: in a few rounds everybody serves what everybody takes.
    {
        let mut world = memory.0.lock().unwrap();
        (world.fails, world.loses) = (false, false);
    }
    for _ in 0..12 {
        for one in &mut all {
            while one.poll().is_none() {}
            one.sync().unwrap();
            assert_ne!(one.is_taken(), Some(false));
        }
        memory.0.lock().unwrap().now += Duration::minutes(20);
    }
    let now = memory.0.lock().unwrap().now;
    for one in &all {
        assert!(one.shown.is_ready(now) && one.is_taken() == Some(true));
        let day = now + Duration::days(9);
        assert!(one.shown.is_ready(day), "renewed in time");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn two_replicas_never_serve_what_is_not_taken(
        skews in prop::collection::vec(-30..=30_i64, 2),
        actions in actions(),
    ) {
        run(2, &skews, actions);
    }

    #[test]
    fn five_replicas_never_serve_what_is_not_taken(
        skews in prop::collection::vec(-30..=30_i64, 5),
        actions in actions(),
    ) {
        run(5, &skews, actions);
    }
}
