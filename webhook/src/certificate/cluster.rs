//! The little that the agreement needs of Kubernetes.

use std::collections::BTreeMap;
use std::future::Future;

use zeroize::Zeroizing;

/// A Secret's data, wiped when it is dropped.
pub type Data = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// The Secret as it was read.
#[derive(Clone)]
pub struct Stored {
    /// Its `resourceVersion`.
    pub version: String,
    /// Its data.
    pub data: Data,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fields: Vec<_> = self.data.keys().collect();
        f.debug_struct("Stored")
            .field("version", &self.version)
            .field("fields", &fields)
            .finish()
    }
}

/// The `caBundle` of one webhook of a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bundle {
    /// Its place in the configuration.
    pub index: usize,
    /// PEM; empty if there is none.
    pub pem: Vec<u8>,
}

/// The configuration as it was read: those of its webhooks that come to our Service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Configured {
    /// Its `resourceVersion`.
    pub version: String,
    /// Its bundles.
    pub bundles: Vec<Bundle>,
}

/// A request to the cluster did not do what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// Somebody else has written meanwhile: read again.
    #[error("somebody else has changed the {object}")]
    Conflict {
        /// What was to be written.
        object: &'static str,
    },
    /// The API server refused or did not answer.
    #[error("cannot {verb} the {object}")]
    Request {
        /// What was tried.
        verb: &'static str,
        /// On what.
        object: &'static str,
        /// Why not. Boxed: a test's cluster has errors of its own.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Reads are consistent (not from a cache), writes are on what was read or fail.
pub trait Cluster: Sync {
    /// The Secret; nothing if there is none.
    fn secret(&self) -> impl Future<Output = Result<Option<Stored>, ClusterError>> + Send;

    /// Replaces the Secret's data, if it still has this version; makes it, without one.
    fn store(
        &self,
        data: &Data,
        version: Option<&str>,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;

    /// The configuration; nothing if there is none.
    fn configured(&self) -> impl Future<Output = Result<Option<Configured>, ClusterError>> + Send;

    /// Puts `pem` into every bundle of the configuration, if that is still as it was read.
    fn publish(
        &self,
        pem: &str,
        read: &Configured,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;
}
