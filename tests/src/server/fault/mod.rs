//! What goes wrong between the wrapper and the server, on purpose.
//!
//! | Module | Where it stands | What it does |
//! |---|---|---|
//! | [`tcp`] | below TLS, which passes through | silence, delay, cut, drip |
//! | [`http`] | in the middle: ends TLS, and speaks it to the server | wrong certificates; answers by rules |
//! | [`answer`] | | what such a rule answers |
//! | [`ancient`] | in the server's place | TLS 1.1 |
//! | [`tunnel`] | before the server, as asked to by CONNECT | a proxy that works |
//!
//! Each records what came, so that a test can tell what was sent and that nothing else was.

pub mod ancient;
pub mod answer;
pub mod http;
pub mod tcp;
pub mod tunnel;

pub use ancient::Ancient;
pub use answer::Answer;
pub use http::{Proxy, Seen};
pub use tcp::TcpFault;
pub use tunnel::Tunnel;

/// Where every connection is refused: a port for the privileged that nobody has used for decades
/// (tcpmux, RFC 1078).
pub const REFUSED: &str = "https://127.0.0.1:1";

/// A name that no resolver may know (RFC 6761, section 6.4).
pub const UNRESOLVABLE: &str = "https://secrets.invalid:8200";

/// For ever, as the number of times that a fault happens.
pub const ALWAYS: usize = usize::MAX;
