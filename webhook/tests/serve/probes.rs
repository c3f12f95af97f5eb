//! Readiness, liveness and metrics.

use cloudtaser_webhook::serve::shutdown::Phase;

use crate::support::{ask, patient, pod, read, read_profiles, review, up_unready};

#[tokio::test]
async fn readiness_needs_certificate_bundle_and_profiles_and_ends_with_the_signal() {
    let up = up_unready(patient()).await;
    let (status, text) = up.page("/readyz").await;
    assert_eq!(status, 503);
    let shown = "[+]certificate ok\n[-]ca-bundle failed: the webhook configuration is missing, \
                 or does not name this Service\n[-]profiles failed: they were not read yet\n\
                 [+]shutdown ok\n";
    assert_eq!(text, shown);
    // A pod that opted in is refused meanwhile, should one come.
    let mut client = up.http1().await;
    let (_, answer) = read(ask(&mut client, review("u", &pod("shop"))).await).await;
    assert_eq!(answer["response"]["allowed"], false, "{answer}");
    up.readiness.trusted(true);
    assert_eq!(up.page("/readyz").await.0, 503);
    read_profiles(&up.profiles);
    assert_eq!(up.page("/readyz").await.0, 200);
    up.phase.send_replace(Phase::Draining);
    let (status, text) = up.page("/readyz").await;
    assert_eq!(status, 503);
    assert!(text.contains("[-]shutdown failed: it has begun"), "{text}");
    assert_eq!(up.page("/healthz").await.0, 200);
}

#[tokio::test]
async fn metrics_count_decisions_and_say_when_the_certificate_ends() {
    let up = up_unready(patient()).await;
    read_profiles(&up.profiles);
    let mut client = up.http1().await;
    let _answer = ask(&mut client, review("u", &pod("shop"))).await;
    let (status, text) = up.page("/metrics").await;
    assert_eq!(status, 200);
    let line = "cloudtaser_webhook_decisions_total{decision=\"inject\",reason=\"injected\"} 1";
    assert!(text.contains(line), "{text}");
    assert!(
        text.contains("cloudtaser_webhook_decision_seconds_count 1\n"),
        "{text}"
    );
    let end = up.shown.end().unwrap().unix_timestamp();
    let line = format!("cloudtaser_webhook_certificate_end_seconds {end}.0\n");
    assert!(text.contains(&line), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert_eq!(up.page("/mutate").await.0, 404);
}
