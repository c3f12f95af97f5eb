//! Options that say which server is asked and how we log in there, shared by `run`, `doctor` and
//! `store import`. The names that the server's own clients use (`VAULT_…`, `BAO_…`) are
//! `config`'s.

use std::time::Duration;

use clap::builder::BoolishValueParser;

/// Options of the source `openbao`. Each is absent when neither flag nor variable of ours is given.
///
/// Text where a file's name could stand: names are checked by `config`, which also knows the
/// configuration file's folder.
#[derive(Clone, clap::Args, Debug, Default)]
#[command(next_help_heading = "Server (OpenBao, Vault)")]
pub struct ServerArgs {
    /// Address of the server: https://HOST:PORT, or unix:///PATH; several nodes with commas
    ///
    /// Makes `openbao` the secret source. Else BAO_ADDR or VAULT_ADDR. http:// is taken for the
    /// loopback interface only.
    #[arg(
        long,
        value_name = "URL",
        env = "CLOUDTASER_ADDR",
        hide_env_values = true
    )]
    pub addr: Option<String>,

    /// Namespace of the server; else BAO_NAMESPACE or VAULT_NAMESPACE
    #[arg(
        long,
        value_name = "NAME",
        env = "CLOUDTASER_NAMESPACE",
        hide_env_values = true
    )]
    pub namespace: Option<String>,

    /// File with the certification authorities that vouch for the server (PEM), or the word system;
    /// else BAO_CACERT or VAULT_CACERT, else the system's
    ///
    /// system: those at the system's usual places, whatever SSL_CERT_FILE and SSL_CERT_DIR say.
    #[arg(
        long,
        value_name = "FILE|system",
        env = "CLOUDTASER_CA_CERT",
        hide_env_values = true
    )]
    pub ca_cert: Option<String>,

    /// Folder with such files; else BAO_CAPATH or VAULT_CAPATH
    #[arg(
        long,
        value_name = "DIR",
        env = "CLOUDTASER_CA_PATH",
        hide_env_values = true
    )]
    pub ca_path: Option<String>,

    /// Client certificate for mutual TLS, with those above it (PEM); a file, or a reference to the
    /// local store; else BAO_CLIENT_CERT or VAULT_CLIENT_CERT
    #[arg(
        long,
        value_name = "FILE|local:…",
        env = "CLOUDTASER_CLIENT_CERT",
        hide_env_values = true
    )]
    pub client_cert: Option<String>,

    /// Its private key (PEM, not encrypted); a file, or a reference to the local store, such as
    /// local:tls/client#key; else BAO_CLIENT_KEY or VAULT_CLIENT_KEY
    #[arg(
        long,
        value_name = "FILE|local:…",
        env = "CLOUDTASER_CLIENT_KEY",
        hide_env_values = true
    )]
    pub client_key: Option<String>,

    /// Name that the server's certificate must have, instead of the address's host; else
    /// BAO_TLS_SERVER_NAME or VAULT_TLS_SERVER_NAME
    #[arg(
        long,
        value_name = "NAME",
        env = "CLOUDTASER_TLS_SERVER_NAME",
        hide_env_values = true
    )]
    pub tls_server_name: Option<String>,

    /// File with certificate revocation lists (PEM); without it, revocation is not checked
    #[arg(
        long,
        value_name = "FILE",
        env = "CLOUDTASER_CRL",
        hide_env_values = true
    )]
    pub crl: Option<String>,

    /// Take any certificate: whoever is on the way can read every secret. Lowers the protection
    /// level to none
    #[arg(
        long,
        value_name = "true|false",
        env = "CLOUDTASER_INSECURE_SKIP_VERIFY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
        hide_env_values = true
    )]
    pub insecure_skip_verify: Option<bool>,

    /// Take http:// to other machines: whoever is on the way can read every secret. Lowers the
    /// protection level to none
    #[arg(
        long,
        value_name = "true|false",
        env = "CLOUDTASER_INSECURE_HTTP",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
        hide_env_values = true
    )]
    pub insecure_http: Option<bool>,

    /// HTTP proxy; none is used without this option, BAO_PROXY_ADDR or VAULT_PROXY_ADDR
    #[arg(
        long,
        value_name = "URL",
        env = "CLOUDTASER_PROXY",
        hide_env_values = true
    )]
    pub proxy: Option<String>,

    /// How to log in: kubernetes, jwt, cert, approle or token [default: what else is given tells]
    #[arg(
        long,
        value_name = "METHOD",
        env = "CLOUDTASER_AUTH",
        hide_env_values = true
    )]
    pub auth: Option<String>,

    /// Where the login method is mounted, without auth/ [default: the method's name]
    #[arg(
        long,
        value_name = "PATH",
        env = "CLOUDTASER_AUTH_MOUNT",
        hide_env_values = true
    )]
    pub auth_mount: Option<String>,

    /// Role to log in as (kubernetes, jwt, cert); else VAULT_ROLE
    #[arg(
        long,
        value_name = "NAME",
        env = "CLOUDTASER_ROLE",
        hide_env_values = true
    )]
    pub role: Option<String>,

    /// File with a signed token (jwt, kubernetes) [default for kubernetes: the pod's own]
    #[arg(
        long,
        value_name = "FILE",
        env = "CLOUDTASER_JWT_FILE",
        hide_env_values = true
    )]
    pub jwt_file: Option<String>,

    /// Role id (approle)
    #[arg(
        long,
        value_name = "ID",
        env = "CLOUDTASER_ROLE_ID",
        hide_env_values = true
    )]
    pub role_id: Option<String>,

    /// File with the role id (approle)
    #[arg(
        long,
        value_name = "FILE",
        env = "CLOUDTASER_ROLE_ID_FILE",
        hide_env_values = true
    )]
    pub role_id_file: Option<String>,

    /// File with the secret id (approle)
    #[arg(
        long,
        value_name = "FILE",
        env = "CLOUDTASER_SECRET_ID_FILE",
        hide_env_values = true
    )]
    pub secret_id_file: Option<String>,

    /// File with a token; else BAO_TOKEN or VAULT_TOKEN; else, with --auth token, what `bao login`
    /// left
    #[arg(
        long,
        value_name = "FILE",
        env = "CLOUDTASER_TOKEN_FILE",
        hide_env_values = true
    )]
    pub token_file: Option<String>,

    /// The secret id or token in its file is response-wrapped: unwrap it, which works once
    #[arg(
        long,
        value_name = "true|false",
        env = "CLOUDTASER_AUTH_WRAPPED",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
        hide_env_values = true
    )]
    pub auth_wrapped: Option<bool>,

    /// KV version (1 or 2) of mounts whose metadata cannot be asked for
    #[arg(
        long,
        value_name = "1|2",
        env = "CLOUDTASER_KV_VERSION",
        hide_env_values = true,
        value_parser = clap::value_parser!(u8).range(1..=2)
    )]
    pub kv_version: Option<u8>,

    /// Key that decrypts ciphertexts (vault:v1:…); else VAULT_TRANSIT_KEY_ID
    #[arg(
        long,
        value_name = "NAME",
        env = "CLOUDTASER_TRANSIT_KEY",
        hide_env_values = true
    )]
    pub transit_key: Option<String>,

    /// Where the transit engine is mounted; else VAULT_TRANSIT_PATH [default: transit]
    #[arg(
        long,
        value_name = "PATH",
        env = "CLOUDTASER_TRANSIT_MOUNT",
        hide_env_values = true
    )]
    pub transit_mount: Option<String>,

    /// Limit for one request, such as 10s, up to 24h; else BAO_CLIENT_TIMEOUT or
    /// VAULT_CLIENT_TIMEOUT [default: 10s]
    #[arg(
        long,
        value_name = "TIME",
        env = "CLOUDTASER_REQUEST_TIMEOUT",
        hide_env_values = true,
        value_parser = duration
    )]
    pub request_timeout: Option<Duration>,

    /// Limit for login and fetch together, retries included, up to 24h [default: 30s]
    #[arg(
        long,
        value_name = "TIME",
        env = "CLOUDTASER_TOTAL_TIMEOUT",
        hide_env_values = true,
        value_parser = duration
    )]
    pub total_timeout: Option<Duration>,

    /// How often a request is tried again after 429, 5xx or a broken connection, 0 to 100; else
    /// BAO_MAX_RETRIES or VAULT_MAX_RETRIES [default: 3]
    #[arg(
        long,
        value_name = "N",
        env = "CLOUDTASER_RETRIES",
        hide_env_values = true,
        value_parser = clap::value_parser!(u32).range(0..=100)
    )]
    pub retries: Option<u32>,
}

/// Reads a time: `10s`, `1m 30s`, `500ms`, or seconds as a bare number, as Vault's client does.
///
/// # Errors
///
/// When it is none, or zero.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "a time such as 10s or 500ms";
    let parsed = match text.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_no_number) => humantime::parse_duration(text).map_err(|_no_time| WRONG)?,
    };
    // An upper bound keeps sums with the clock from overflowing. Chosen: a day.
    let is_sane = !parsed.is_zero() && parsed <= Duration::from_secs(24 * 60 * 60);
    if is_sane { Ok(parsed) } else { Err(WRONG) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_or_are_seconds() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("60"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        for text in ["", "0", "0s", "-1", "x", "2days", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
