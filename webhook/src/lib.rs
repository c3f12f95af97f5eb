//! CloudTaser's admission webhook: a pod goes in, a patch comes out.
//!
//! Four steps: [`review::decode`] → [`decide`] → [`patch`] → [`review::encode`]. The middle two are
//! pure and take typed objects; nothing in the engine touches the network, the cluster or the
//! clock. [`image`] asks registries, [`lookup`] the cluster; [`certificate`] is what the server
//! shows, and [`serve`] is the part of it that is there: everything from a review's bytes to the
//! answer's. [`cli`] is `kubectl cloudtaser`, which runs the same engine over files.
#![forbid(unsafe_code)]

pub mod address;
pub mod annotation;
pub mod certificate;
pub mod cli;
pub mod decide;
pub mod engine;
pub mod image;
pub mod lookup;
pub mod patch;
pub mod profile;
pub mod review;
pub mod serve;
pub mod shares;
