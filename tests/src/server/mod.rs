//! A real secret server, and what stands around it: certificates, an administrator, a database, a
//! TokenReview, and a network that fails on purpose.
//!
//! [`Server::shared`] is the one that tests use; [`Admin`] sets it up; [`fault`] stands between it
//! and the wrapper. Whatever is started dies with the test's process.

pub mod admin;
pub mod bao;
pub mod certs;
pub mod cluster;
pub mod engines;
pub mod fault;
pub mod front;
pub mod https;
pub mod jwt;
pub mod keep;
pub mod logins;
pub mod postgres;
pub mod token_review;
pub mod tokens;
pub mod vault;

pub use admin::{Admin, Reply};
pub use bao::planted;
pub use certs::{Authority, Flaw, Identity};
pub use cluster::Cluster;
pub use engines::{Kv, unique};
pub use front::Front;
pub use jwt::JwtKey;
pub use logins::login_claims;
pub use postgres::Postgres;
pub use token_review::TokenReview;
pub use tokens::Token;
pub use vault::{Pki, Server, Stage};
