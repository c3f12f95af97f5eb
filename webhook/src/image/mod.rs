//! What images say about starting them. The registry client that asks for it stands beside this.

pub mod config;

pub use config::ImageConfig;
