//! Pushes images, as any client does it: blobs first, then manifests, then the index.

use reqwest::{Client, RequestBuilder, StatusCode};
use std::sync::Arc;

use crate::images::{self, Image};
use crate::registry::Registry;

/// A client for one repository.
pub(crate) struct Pusher {
    client: Client,
    url: String,
    authorization: Option<String>,
}

impl Pusher {
    /// `authorization` is the header's value.
    pub(crate) fn new(registry: &Registry, repository: &str, authorization: Option<&str>) -> Self {
        use rustls::pki_types::pem::PemObject as _;
        let mut roots = rustls::RootCertStore::empty();
        if let Some(pem) = registry.authority_pem() {
            let pem = rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes());
            roots.add(pem.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder().tls_backend_preconfigured(tls).no_proxy();
        Self {
            client: client.build().unwrap(),
            url: format!("{}/v2/{repository}", registry.url()),
            authorization: authorization.map(str::to_owned),
        }
    }

    async fn send(&self, request: RequestBuilder, expected: StatusCode) -> reqwest::Response {
        let request = match &self.authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        };
        let response = request.send().await.unwrap();
        let status = response.status();
        if status != expected {
            panic!("{status}: {}", response.text().await.unwrap());
        }
        response
    }

    async fn blob(&self, bytes: &[u8]) {
        let start = self.client.post(format!("{}/blobs/uploads/", self.url));
        let started = self.send(start, StatusCode::ACCEPTED).await;
        let place = started.headers()["location"].to_str().unwrap().to_owned();
        let put = format!("{place}&digest={}", images::digest(bytes));
        let put = self.client.put(put).body(bytes.to_vec());
        self.send(put, StatusCode::CREATED).await;
    }

    async fn manifest(&self, version: &str, kind: &str, bytes: &[u8]) {
        let put = self.client.put(format!("{}/manifests/{version}", self.url));
        let put = put.header("content-type", kind).body(bytes.to_vec());
        self.send(put, StatusCode::CREATED).await;
    }

    /// An image under a tag, or under its digest.
    pub(crate) async fn image(&self, version: &str, image: &Image) {
        self.blob(&image.config).await;
        self.manifest(version, images::MANIFEST, &image.manifest)
            .await;
    }

    /// An index whose images are there.
    pub(crate) async fn index(&self, version: &str, index: &[u8]) {
        self.manifest(version, images::INDEX, index).await;
    }
}
