//! The running webhook: what the engine needs around it to answer an API server.

pub mod admit;
pub mod certificates;
pub mod deadline;
pub mod gate;
pub mod metrics;
pub mod settings;
