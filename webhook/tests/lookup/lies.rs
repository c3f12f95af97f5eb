//! Answers that are not what their digest says are refused.

use crate::images::{self, Image};
use crate::server::{Server, Store, document, with};
use crate::{reason, resolve, resolver};

/// Answers with `other` where the path ends in `at`.
async fn lying(store: Store, at: String, other: Vec<u8>) -> Server {
    Server::start(move |seen| {
        if seen.target.ends_with(&at) {
            document(images::MANIFEST, &other)
        } else {
            store.answer(seen)
        }
    })
    .await
}

#[tokio::test]
async fn a_manifest_that_its_digest_does_not_name_is_refused() {
    let (image, other) = (
        Image::new("amd64", &["/x"], &[]),
        Image::new("amd64", &["/evil"], &[]),
    );
    let store = Store::default().with("1", &image).with("evil", &other);
    let server = lying(store.clone(), image.digest(), other.manifest.clone()).await;
    let name = format!("{}/app@{}", server.host(), image.digest());
    let refused = resolve(&resolver(&server), &name).await;
    assert_eq!(reason(&refused), "registry_digest");
    assert_eq!(server.kinds(), ["GET manifests"]);
    // The control: the same server tells the truth about the other.
    let honest = lying(store, String::from("nothing"), Vec::new()).await;
    let name = format!("{}/app@{}", honest.host(), image.digest());
    assert_eq!(
        resolve(&resolver(&honest), &name).await.unwrap().entrypoint,
        ["/x"]
    );
}

#[tokio::test]
async fn a_configuration_that_its_digest_does_not_name_is_refused() {
    let (image, evil) = (
        Image::new("amd64", &["/good"], &[]),
        Image::new("amd64", &["/evil"], &[]),
    );
    assert_eq!(
        image.config.len(),
        evil.config.len(),
        "so that its size does not tell"
    );
    let store = Store::default().with("1", &image);
    let server = lying(store, images::digest(&image.config), evil.config).await;
    let refused = resolve(&resolver(&server), &format!("{}/app:1", server.host())).await;
    assert_eq!(reason(&refused), "registry_digest");
    assert_eq!(server.kinds(), ["GET manifests", "GET blobs"]);
}

#[tokio::test]
async fn an_image_that_its_index_does_not_name_is_refused() {
    let (image, evil) = (
        Image::new("amd64", &["/good"], &[]),
        Image::new("amd64", &["/evil"], &[]),
    );
    let index = images::index(&[image.entry("linux", "amd64")]);
    let store = Store::default()
        .with_index("1", &index)
        .with("image", &image);
    let control = lying(store.clone(), String::from("nothing"), Vec::new()).await;
    let found = resolve(&resolver(&control), &format!("{}/app:1", control.host())).await;
    assert_eq!(found.unwrap().entrypoint, ["/good"]);
    let server = lying(store, image.digest(), evil.manifest).await;
    let refused = resolve(&resolver(&server), &format!("{}/app:1", server.host())).await;
    assert_eq!(reason(&refused), "registry_digest");
}

#[tokio::test]
async fn a_tags_answer_must_be_what_the_registry_itself_says_it_is() {
    let image = Image::new("amd64", &["/x"], &[]);
    for (said, fine) in [(image.digest(), true), (images::digest(b"other"), false)] {
        let store = Store::default().with("1", &image);
        let server = Server::start(move |seen| {
            let mut answer = store.answer(seen);
            if seen.target.ends_with("/manifests/1") {
                let header = with(200, "docker-content-digest", &said);
                answer.headers_mut().extend(header.headers().clone());
            }
            answer
        })
        .await;
        let outcome = resolve(&resolver(&server), &format!("{}/app:1", server.host())).await;
        assert_eq!(outcome.is_ok(), fine);
        if !fine {
            assert_eq!(reason(&outcome), "registry_digest");
        }
    }
}

#[tokio::test]
async fn schema_1_is_refused_with_what_to_do() {
    let one = br#"{"schemaVersion":1,"name":"app","tag":"1","fsLayers":[],"history":[]}"#;
    let server = Server::start(move |_| {
        document(
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            one,
        )
    })
    .await;
    let refused = resolve(&resolver(&server), &format!("{}/app:1", server.host())).await;
    assert_eq!(reason(&refused), "image_document");
    let message = refused.unwrap_err().message();
    assert!(message.contains("push it again"), "{message}");
}
