//! Keys and bounds. What needs a registry is in `tests/`.

use proptest::prelude::*;

use super::super::credentials::{PullSecret, PullSecretKind};
use super::*;

fn resolver() -> ImageResolver {
    ImageResolver::new(&settings()).unwrap()
}

fn settings() -> RegistrySettings {
    let host = super::super::settings::HostSettings {
        host: String::from("r.io"),
        ..Default::default()
    };
    RegistrySettings {
        hosts: vec![host],
        ..RegistrySettings::default()
    }
}

fn keyring(user: &str, password: &str) -> Keyring {
    let text = serde_json::json!({"auths": {"r.io": {"username": user, "password": password}}});
    let kind = PullSecretKind::DockerConfigJson;
    let secret = PullSecret::read("s", kind, text.to_string().as_bytes()).unwrap();
    Keyring::for_pod(&[secret], &[], &[])
}

fn key(resolver: &ImageResolver, image: &str, platform: &Platform, keyring: &Keyring) -> Key {
    let image: ImageName = image.parse().unwrap();
    let places = session::places(&[], &image, keyring);
    let request = Request {
        image: &image,
        platform,
        places: &places,
        limit: Duration::ZERO,
    };
    resolver.key_of(&request, &image.version())
}

#[test]
fn a_key_covers_image_platform_and_login_and_differs_in_each_process() {
    let (one, amd64) = (resolver(), Platform::new("linux", "amd64", None));
    let arm64 = Platform::new("linux", "arm64", None);
    let none = Keyring::default();
    let base = key(&one, "r.io/a:b", &amd64, &keyring("u", "p"));
    assert_eq!(
        base,
        key(&one, "r.io/a:b", &amd64, &keyring("u", "p")),
        "the control"
    );
    let others = [
        key(&one, "r.io/a:b", &amd64, &none),
        key(&one, "r.io/a:b", &amd64, &keyring("u", "q")),
        key(&one, "r.io/a:b", &amd64, &keyring("up", "")),
        key(&one, "r.io/a:c", &amd64, &keyring("u", "p")),
        key(&one, "r.io/ab:b", &amd64, &keyring("u", "p")),
        key(&one, "r.io/a:b", &arm64, &keyring("u", "p")),
        key(&resolver(), "r.io/a:b", &amd64, &keyring("u", "p")),
    ];
    assert!(!others.contains(&base));
}

#[test]
fn a_login_for_another_registry_changes_no_key() {
    let (one, amd64) = (resolver(), Platform::new("linux", "amd64", None));
    let with = key(&one, "other.io/a", &amd64, &keyring("u", "p"));
    assert_eq!(with, key(&one, "other.io/a", &amd64, &Keyring::default()));
}

#[test]
fn entries_and_bytes_are_bounded() {
    let entry = |words: Vec<String>| Entry {
        outcome: Ok(Arc::new(ImageConfig {
            entrypoint: words,
            command: Vec::new(),
            os: String::new(),
            architecture: String::new(),
        })),
        counts: Duration::from_secs(60),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let resolver = resolver();
        for n in 0..3 * MAX_ENTRIES {
            let mut key = Key::default();
            key[..8].copy_from_slice(&n.to_be_bytes());
            resolver.cache.insert(key, entry(Vec::new())).await;
        }
        resolver.cache.run_pending_tasks().await;
        assert!(resolver.cache.entry_count() <= MAX_ENTRIES);
        assert!(
            resolver.cache.entry_count() > MAX_ENTRIES / 2,
            "the control"
        );
        for n in 0..200_u64 {
            let mut key = Key::default();
            key[24..].copy_from_slice(&n.to_be_bytes());
            resolver
                .cache
                .insert(key, entry(vec!["x".repeat(100 << 10)]))
                .await;
        }
        resolver.cache.run_pending_tasks().await;
        assert!(resolver.cache.weighted_size() <= MAX_BYTES);
    });
}

#[test]
fn what_is_dropped_is_counted_by_its_cause() {
    let entry = |counts| Entry {
        outcome: Ok(Arc::new(ImageConfig::default())),
        counts,
    };
    let key = |n: u64| {
        let mut key = Key::default();
        key[..8].copy_from_slice(&n.to_be_bytes());
        key
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let counters = CacheCounters::default();
        let one = ImageResolver::counted(&settings(), counters.clone()).unwrap();
        let found = || (counters.expired.get(), counters.displaced.get());
        // A newer answer in the same place displaces nothing.
        for _ in 0..2 {
            one.cache
                .insert(key(0), entry(Duration::from_secs(60)))
                .await;
        }
        one.cache.run_pending_tasks().await;
        assert_eq!(found(), (0, 0), "the control");
        one.cache
            .insert(key(1), entry(Duration::from_nanos(1)))
            .await;
        let end = Instant::now() + Duration::from_secs(20);
        while found() == (0, 0) {
            assert!(Instant::now() < end, "the answer is kept for ever");
            one.cache.run_pending_tasks().await;
        }
        assert_eq!(found(), (1, 0));
        for n in 0..2 * MAX_ENTRIES {
            one.cache
                .insert(key(n), entry(Duration::from_secs(60)))
                .await;
        }
        one.cache.run_pending_tasks().await;
        assert_eq!(found().0, 1);
        assert!(found().1 >= MAX_ENTRIES, "{} displaced", found().1);
    });
}

#[test]
fn who_finds_no_free_place_in_time_is_told_so() {
    let mut settings = settings();
    settings.limits.look_up = Duration::from_millis(50);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let one = ImageResolver::new(&settings).unwrap();
        let all = one
            .all
            .acquire_many(u32::try_from(MAX_LOOKUPS).unwrap())
            .await
            .unwrap();
        let (image, keyring) = ("r.io/a".parse().unwrap(), Keyring::default());
        let amd64 = Platform::new("linux", "amd64", None);
        let refused = one
            .resolve("n", &image, &amd64, &keyring)
            .await
            .unwrap_err();
        assert_eq!(refused.reason(), "registry_busy");
        drop(all);
    });
}

#[test]
fn a_look_up_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let (one, amd64) = (resolver(), Platform::new("linux", "amd64", None));
    let (image, keyring) = ("r.io/a".parse().unwrap(), Keyring::default());
    is_send(&one.resolve("n", &image, &amd64, &keyring));
}

proptest! {
    #[test]
    fn no_two_logins_share_a_key(a in "[a-c]{1,3}", b in "[a-c]{0,3}", c in "[a-c]{1,3}", d in "[a-c]{0,3}") {
        prop_assume!((&a, &b) != (&c, &d));
        let (one, amd64) = (resolver(), Platform::new("linux", "amd64", None));
        let first = key(&one, "r.io/a", &amd64, &keyring(&a, &b));
        prop_assert_ne!(first, key(&one, "r.io/a", &amd64, &keyring(&c, &d)));
    }
}
