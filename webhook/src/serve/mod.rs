//! The running webhook: what the engine needs around it to answer an API server.
//!
//! [`run`] puts it together. A connection comes to [`listen`], its requests to [`http`], a review
//! to [`admit`]; [`probes`] answers kubelet and Prometheus on a port of their own.

pub mod activity;
pub mod admit;
pub mod args;
pub mod connections;
pub mod deadline;
pub mod gate;
pub mod http;
pub mod keep;
pub mod listen;
pub mod log;
pub mod metrics;
pub mod probes;
pub mod ready;
pub mod registries;
pub mod run;
mod sending;
pub mod settings;
pub mod shutdown;
mod watched;
