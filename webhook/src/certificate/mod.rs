//! The webhook's certificates: an authority of its own, replicas that agree without a leader, and
//! the one that the server shows, exchanged while it runs.
//!
//! [`next()`] is the agreement: a pure function from what a replica has read to what it does.
//! [`Agreement`] reads, asks it and acts, over the small trait [`Cluster`]; [`KubernetesCluster`]
//! is the real one. [`ReloadingCertificate`] is what the server takes. [`FilePair`] feeds it from
//! files instead, for cert-manager.

mod agreement;
mod cluster;
mod content;
mod fact;
mod files;
mod issue;
mod kubernetes;
mod name;
mod next;
mod reload;

pub use agreement::{Agreement, AgreementError, Report};
pub use cluster::{Bundle, Cluster, ClusterError, Configured, Data, Stored};
pub use content::{Authority, Content, ContentError, PrivateKey, Serving};
pub use fact::{CertificateFact, certificates, fact, pem, verifies};
pub use files::FilePair;
pub use issue::IssueError;
pub use kubernetes::{KubernetesCluster, Place};
pub use name::Names;
pub use next::{Cause, Read, Step, next};
pub use reload::{Loaded, ReloadError, ReloadingCertificate};

use time::Duration;

/// How long an authority is valid. Chosen: long against an overlap, short enough that the way of
/// renewal is walked once in eight months and not for the first time after ten years.
pub const CA_LIFETIME: Duration = Duration::days(365);
/// A second authority is made when the first has less than this. Chosen: four times the life of a
/// serving certificate, so that none is ever cut short by its authority's end.
pub const CA_OVERLAP: Duration = Duration::days(120);
/// How long a serving certificate is valid. Chosen: bounds what a stolen backup of the Secret's
/// serving key is good for, and a webhook that was scaled to zero for a week starts with a valid
/// one.
pub const SERVING_LIFETIME: Duration = Duration::days(30);
/// A serving certificate is signed anew when it has less than this: a third of its life, so that
/// ten days of a Secret that cannot be written are survived.
pub const SERVING_RENEWAL: Duration = Duration::days(10);
/// Clocks of replicas and API servers may differ by this. Not-before lies this far in the past, and
/// nothing is taken out of a bundle before it is past by this. Chosen: far above what a clock that
/// is kept by NTP shows.
pub const SKEW: Duration = Duration::hours(1);
/// A new authority stays this long in the configurations before it signs, so that every API server
/// has seen it. They watch, so seconds are enough; chosen: nothing is in a hurry here.
pub const SETTLING: Duration = Duration::hours(1);
/// The same where a Secret was lost and made anew, and replicas that start have nothing to show
/// meanwhile. Chosen: a watch is told within a second or so.
pub const SETTLING_ANEW: Duration = Duration::seconds(10);
/// How often a replica reads Secret and configurations. Chosen: two small requests, and a
/// `caBundle` that somebody has overwritten is back before people notice.
pub const INTERVAL: std::time::Duration = std::time::Duration::from_secs(10);

/// Authorities in a bundle, at most: those that end last stay. More than three come only from
/// Secrets that somebody keeps breaking; this bounds the object's size.
pub const MOST_AUTHORITIES: usize = 16;
