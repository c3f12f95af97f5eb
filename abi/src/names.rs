//! Names of environment variables that configure the wrapper or that it hands to the program.

/// Prefix of every environment variable of ours. None of them reaches the program unless the
/// wrapper puts it there or the user passes it on by name.
pub const ENV_PREFIX: &str = "CLOUDTASER_";

/// Prefixes of the variables that configure a secret server's client. They may hold a token, so
/// they reach the program only when passed on by name.
pub const SERVER_ENV_PREFIXES: [&str; 2] = ["VAULT_", "BAO_"];

/// Set by the wrapper for its own second start (see [`crate::registration`]): the decimal thread
/// group id of the process that re-executed itself. Never set for the program.
pub const ENV_REEXECUTED: &str = "CLOUDTASER_REEXECUTED";

/// Handed to a program that reads the region: its descriptor, decimal.
pub const ENV_REGION_FD: &str = "CLOUDTASER_REGION_FD";

/// Handed to the preload library, which takes it out again before the program sees its
/// environment: [`crate::handover::Handover`].
pub const ENV_PRELOAD: &str = "CLOUDTASER_PRELOAD";

/// One for each secret variable, in any number: the decimal index of the region's entry. The
/// preload library puts the environment string of that entry into its place.
pub const ENV_SLOT: &str = "CLOUDTASER_SLOT";

/// File name of the preload library; it lies beside the wrapper's binary.
pub const PRELOAD_LIBRARY: &str = "libcloudtaser_preload.so";
