//! Settings of the server: flag, variable of ours, the well-known variable of `bao` and `vault`,
//! configuration file, default; the first that is given wins. Addresses and names are checked
//! here, files when they are read.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::server::{ServerArgs, duration};
use crate::reference::Schemes;
use crate::secret::Secret;
use crate::source::local;
use crate::source::openbao::address::{Address, AddressError};
use crate::source::openbao::is_server_name;
use crate::source::openbao::settings::{
    Limits, LoginSettings, PemSource, ServerConfig, TlsSettings, TransitSettings,
};

/// What the configuration file says about the server, by key; files relative to its folder already.
pub type FileServer = BTreeMap<&'static str, String>;

/// A key of the file, and whether its value names a file or folder.
pub(super) const FILE_KEYS: [(&str, bool); 26] = [
    ("addr", false),
    ("auth", false),
    ("auth_mount", false),
    ("auth_wrapped", false),
    ("ca_cert", true),
    ("ca_path", true),
    ("client_cert", true),
    ("client_key", true),
    ("crl", true),
    ("insecure_http", false),
    ("insecure_skip_verify", false),
    ("jwt_file", true),
    ("kv_version", false),
    ("namespace", false),
    ("proxy", false),
    ("request_timeout", false),
    ("retries", false),
    ("role", false),
    ("role_id", false),
    ("role_id_file", true),
    ("secret_id_file", true),
    ("tls_server_name", false),
    ("token_file", true),
    ("total_timeout", false),
    ("transit_key", false),
    ("transit_mount", false),
];

/// Whether the file has such a key, and whether it names a file.
pub(super) fn file_key(name: &str) -> Option<(&'static str, bool)> {
    FILE_KEYS.into_iter().find(|(key, _)| *key == name)
}

/// Whether a value of a file's key is a reference instead.
pub(super) fn is_local_reference(text: &str) -> bool {
    Schemes::new([local::KIND.name])
        .strip(text)
        .is_some_and(|(scheme, _)| scheme == local::KIND.name)
}

/// A setting of the server that cannot be. Exit status 64.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerSettingError {
    /// An address.
    #[error("address number {number} of {origin} cannot be used")]
    Address {
        /// Counted from 1.
        number: usize,
        /// Which option or variable.
        origin: String,
        /// Why.
        #[source]
        source: AddressError,
    },
    /// Another value.
    #[error("{origin} must be {expected}")]
    Value {
        /// Which option or variable.
        origin: String,
        /// What it takes.
        expected: &'static str,
    },
    /// Plain http to a proxy.
    #[error(
        "{origin} would be told the login and every secret, because the server's address is not \
         https; use https, or give --insecure-http if that is meant"
    )]
    OpenProxy {
        /// Which option or variable.
        origin: String,
    },
    /// Two nodes of which only one is spoken to by TLS.
    #[error("the addresses of one cluster must all be https or none of them")]
    MixedSchemes,
}

/// In place of a file's name: the authorities at the system's usual places, whatever the
/// environment says about them. A file of that name is `./system`.
pub const SYSTEM_CA: &str = "system";

/// Variables of other tools that name the server.
const ADDRESS_VARIABLES: [&str; 2] = ["BAO_ADDR", "VAULT_ADDR"];

/// One value, and where it is from.
struct Given {
    value: String,
    origin: String,
}

/// Where values are looked for when no flag and no variable of ours gives one.
pub struct Lookup<'a> {
    /// The configuration file.
    pub file: &'a FileServer,
    /// The environment.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
}

impl std::fmt::Debug for Lookup<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lookup(…)")
    }
}

type Found<T> = Result<Option<T>, ServerSettingError>;

impl Lookup<'_> {
    fn given(&self, own: Option<&str>, key: &'static str, known: &[&str]) -> Found<Given> {
        // An empty variable is an unset one, as for `bao` and `vault`; ours come by `own`.
        if let Some(value) = own.filter(|value| !value.is_empty()) {
            let origin = format!("--{}", key.replace('_', "-"));
            let value = value.to_owned();
            return Ok(Some(Given { value, origin }));
        }
        for name in known {
            let Some(value) = (self.variable)(name).filter(|value| !value.is_empty()) else {
                continue;
            };
            let origin = (*name).to_owned();
            return match value.into_string() {
                Ok(value) => Ok(Some(Given { value, origin })),
                Err(_bytes) => Err(ServerSettingError::Value {
                    origin,
                    expected: "UTF-8 text",
                }),
            };
        }
        let value = self.file.get(key).cloned();
        let origin = format!("`{key}` of the configuration file");
        Ok(value.map(|value| Given { value, origin }))
    }

    fn text(&self, own: &Option<String>, key: &'static str, known: &[&str]) -> Found<String> {
        let given = self.given(own.as_deref(), key, known)?;
        Ok(given.map(|given| given.value))
    }

    fn path(&self, own: &Option<String>, key: &'static str, known: &[&str]) -> Found<PathBuf> {
        Ok(self.text(own, key, known)?.map(PathBuf::from))
    }

    fn pem(&self, own: &Option<String>, key: &'static str, known: &[&str]) -> Found<PemSource> {
        Ok(self.text(own, key, known)?.map(|text| {
            if is_local_reference(&text) {
                PemSource::Reference(text)
            } else {
                PemSource::File(text.into())
            }
        }))
    }

    /// A value that `own` has parsed already, or that `parse` reads.
    fn parsed<T: Copy>(
        &self,
        own: Option<T>,
        key: &'static str,
        known: &[&str],
        (expected, parse): (&'static str, fn(&str) -> Option<T>),
    ) -> Found<T> {
        if own.is_some() {
            return Ok(own);
        }
        let Some(Given { value, origin }) = self.given(None, key, known)? else {
            return Ok(None);
        };
        let parsed = parse(&value);
        let error = ServerSettingError::Value { origin, expected };
        parsed.map(Some).ok_or(error)
    }

    fn flag(
        &self,
        own: Option<bool>,
        key: &'static str,
        known: &[&str],
    ) -> Result<bool, ServerSettingError> {
        Ok(self.parsed(own, key, known, BOOLEAN)?.unwrap_or(false))
    }
}

/// As Go's `strconv.ParseBool`, which reads these variables for `vault`.
const BOOLEAN: (&str, fn(&str) -> Option<bool>) = ("true or false", |text| match text {
    "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
    "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
    _ => None,
});
const TIME: (&str, fn(&str) -> Option<Duration>) =
    ("a time such as 10s or 500ms", |text| duration(text).ok());
const RETRIES: (&str, fn(&str) -> Option<u32>) = ("a number from 0 to 100", |text| {
    text.parse().ok().filter(|n| *n <= 100)
});
const KV_VERSION: (&str, fn(&str) -> Option<u8>) = ("1 or 2", |text| {
    text.parse().ok().filter(|n| matches!(n, 1 | 2))
});

/// Puts the settings together.
///
/// # Errors
///
/// [`ServerSettingError`]: the first value that cannot be.
pub fn server_config(
    args: &ServerArgs,
    lookup: &Lookup<'_>,
) -> Result<ServerConfig, ServerSettingError> {
    let addresses = addresses(args, lookup)?;
    let namespace = namespace(args, lookup)?;
    let transit = TransitSettings::default();
    let mount = lookup.text(
        &args.transit_mount,
        "transit_mount",
        &["VAULT_TRANSIT_PATH"],
    )?;
    let transit = TransitSettings {
        key: lookup.text(&args.transit_key, "transit_key", &["VAULT_TRANSIT_KEY_ID"])?,
        mount: mount.map_or(transit.mount, |mount| mount.trim_matches('/').to_owned()),
    };
    path_part("--transit-mount", &transit.mount)?;
    if let Some(key) = &transit.key {
        path_part("--transit-key", key)?;
    }
    Ok(ServerConfig {
        namespace,
        tls: tls(args, lookup)?,
        proxy: proxy(args, lookup, &addresses)?,
        login: login(args, lookup)?,
        kv_version: lookup.parsed(args.kv_version, "kv_version", &[], KV_VERSION)?,
        transit,
        limits: limits(args, lookup)?,
        addresses,
    })
}

/// Which option, variable or key names the server, if any does.
#[must_use]
pub fn address_origin(args: &ServerArgs, lookup: &Lookup<'_>) -> Option<String> {
    let given = lookup.given(args.addr.as_deref(), "addr", &ADDRESS_VARIABLES);
    match given {
        Ok(given) => Some(given?.origin),
        Err(ServerSettingError::Value { origin, .. }) => Some(origin),
        Err(_) => None,
    }
}

/// It travels in a header, where a line break would begin another one.
fn namespace(args: &ServerArgs, lookup: &Lookup<'_>) -> Found<String> {
    let known = ["BAO_NAMESPACE", "VAULT_NAMESPACE"];
    let Some(Given { value, origin }) =
        lookup.given(args.namespace.as_deref(), "namespace", &known)?
    else {
        return Ok(None);
    };
    if value.chars().any(char::is_control) {
        let expected = "a name without control characters";
        return Err(ServerSettingError::Value { origin, expected });
    }
    let name = value.trim_matches('/');
    Ok((!name.is_empty()).then(|| name.to_owned()))
}

/// A part of the API's path: `.` and `..` would lead elsewhere.
fn path_part(origin: &str, value: &str) -> Result<(), ServerSettingError> {
    let is_odd = |segment: &str| matches!(segment, "" | "." | "..");
    if value.split('/').any(is_odd) || value.chars().any(char::is_control) {
        let origin = origin.to_owned();
        let expected = "a path of names, without `.`, `..`, two slashes or control characters";
        return Err(ServerSettingError::Value { origin, expected });
    }
    Ok(())
}

/// A proxy sees host and port of what goes through it, and with plain http everything.
fn proxy(args: &ServerArgs, lookup: &Lookup<'_>, addresses: &[Address]) -> Found<String> {
    let known = ["BAO_PROXY_ADDR", "VAULT_PROXY_ADDR"];
    let given = lookup.given(args.proxy.as_deref(), "proxy", &known)?;
    let Some(Given { value, origin }) = given else {
        return Ok(None);
    };
    // Neither a password nor anything else of the value is shown.
    if Address::parse(&value, true).map_or(true, |proxy| proxy.socket_path().is_some()) {
        let expected = "the address of a proxy, http://HOST:PORT or https://HOST:PORT, without a \
                        user name";
        return Err(ServerSettingError::Value { origin, expected });
    }
    let insecure_http = lookup.flag(args.insecure_http, "insecure_http", &[])?;
    let named = ["BAO_TLS_SERVER_NAME", "VAULT_TLS_SERVER_NAME"];
    let name = lookup.given(args.tls_server_name.as_deref(), "tls_server_name", &named)?;
    if name.is_some() {
        // The tunnel would be asked for under the certificate's name.
        let expected = "left out where --tls-server-name is given";
        return Err(ServerSettingError::Value { origin, expected });
    }
    if !insecure_http && addresses.iter().any(|address| !address.is_tls()) {
        return Err(ServerSettingError::OpenProxy { origin });
    }
    Ok(Some(value))
}

fn addresses(args: &ServerArgs, lookup: &Lookup<'_>) -> Result<Vec<Address>, ServerSettingError> {
    let insecure_http = lookup.flag(args.insecure_http, "insecure_http", &[])?;
    let Some(given) = lookup.given(args.addr.as_deref(), "addr", &ADDRESS_VARIABLES)? else {
        return Ok(Vec::new());
    };
    let texts = given.value.split(',').map(str::trim).enumerate();
    let parsed = texts.map(|(index, text)| {
        Address::parse(text, insecure_http).map_err(|source| ServerSettingError::Address {
            number: index + 1,
            origin: given.origin.clone(),
            source,
        })
    });
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    let has = |is_tls| parsed.iter().any(|address| address.is_tls() == is_tls);
    if has(true) && has(false) {
        return Err(ServerSettingError::MixedSchemes);
    }
    Ok(parsed)
}

fn tls(args: &ServerArgs, lookup: &Lookup<'_>) -> Result<TlsSettings, ServerSettingError> {
    let server_name = lookup.given(
        args.tls_server_name.as_deref(),
        "tls_server_name",
        &["BAO_TLS_SERVER_NAME", "VAULT_TLS_SERVER_NAME"],
    )?;
    if let Some(Given { value, origin }) = &server_name
        && !is_server_name(value)
    {
        return Err(ServerSettingError::Value {
            origin: origin.clone(),
            expected: "the name of a host, not an address",
        });
    }
    // A word of the flag and of our variable; in the file, names are relative to its folder.
    let system_ca = args.ca_cert.as_deref() == Some(SYSTEM_CA);
    let ca_cert = match system_ca {
        true => None,
        false => lookup.path(&args.ca_cert, "ca_cert", &["BAO_CACERT", "VAULT_CACERT"])?,
    };
    let ca_path = lookup.path(&args.ca_path, "ca_path", &["BAO_CAPATH", "VAULT_CAPATH"])?;
    let is_named = system_ca || ca_cert.is_some() || ca_path.is_some();
    Ok(TlsSettings {
        system_ca,
        ca_pem: match is_named {
            true => None,
            false => lookup.text(&None, "", &["BAO_CACERT_BYTES", "VAULT_CACERT_BYTES"])?,
        },
        ca_certs: ca_cert.into_iter().collect(),
        ca_path,
        client_cert: lookup.pem(
            &args.client_cert,
            "client_cert",
            &["BAO_CLIENT_CERT", "VAULT_CLIENT_CERT"],
        )?,
        client_key: lookup.pem(
            &args.client_key,
            "client_key",
            &["BAO_CLIENT_KEY", "VAULT_CLIENT_KEY"],
        )?,
        crl: lookup.path(&args.crl, "crl", &[])?,
        server_name: server_name.map(|given| given.value),
        insecure_skip_verify: lookup.flag(
            args.insecure_skip_verify,
            "insecure_skip_verify",
            &["BAO_SKIP_VERIFY", "VAULT_SKIP_VERIFY"],
        )?,
    })
}

fn login(args: &ServerArgs, lookup: &Lookup<'_>) -> Result<LoginSettings, ServerSettingError> {
    let mount = lookup.text(&args.auth_mount, "auth_mount", &[])?;
    // `auth/` is said by some and left out by others.
    let mount = mount.map(|mount| {
        let mount = mount.trim_matches('/');
        mount.strip_prefix("auth/").unwrap_or(mount).to_owned()
    });
    if let Some(mount) = &mount {
        path_part("--auth-mount", mount)?;
    }
    let token = lookup.given(None, "", &["BAO_TOKEN", "VAULT_TOKEN"])?;
    // Elsewhere such a text (`vault:login`) asks for our own login token.
    let is_reference = |text: &str| Schemes::new([]).strip(text).is_some();
    if let Some(Given { value, origin }) = &token
        && is_reference(value)
    {
        return Err(ServerSettingError::Value {
            origin: origin.clone(),
            expected: "a token and no reference: the login token is never handed to the program",
        });
    }
    if let Some(Given { value, origin }) = &token
        && !value.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(ServerSettingError::Value {
            origin: origin.clone(),
            expected: "a token: one word of ASCII characters",
        });
    }
    Ok(LoginSettings {
        method: lookup.text(&args.auth, "auth", &["VAULT_AUTH_METHOD"])?,
        mount,
        role: lookup.text(&args.role, "role", &["VAULT_ROLE"])?,
        jwt_file: lookup.path(&args.jwt_file, "jwt_file", &[])?,
        role_id: lookup.text(&args.role_id, "role_id", &[])?,
        role_id_file: lookup.path(&args.role_id_file, "role_id_file", &[])?,
        secret_id_file: lookup.path(&args.secret_id_file, "secret_id_file", &[])?,
        token_file: lookup.path(&args.token_file, "token_file", &[])?,
        token: token.map(|given| Secret::from(given.value)),
        is_wrapped: lookup.flag(args.auth_wrapped, "auth_wrapped", &[])?,
    })
}

fn limits(args: &ServerArgs, lookup: &Lookup<'_>) -> Result<Limits, ServerSettingError> {
    let default = Limits::default();
    let request = lookup.parsed(
        args.request_timeout,
        "request_timeout",
        &["BAO_CLIENT_TIMEOUT", "VAULT_CLIENT_TIMEOUT"],
        TIME,
    )?;
    let total = lookup.parsed(args.total_timeout, "total_timeout", &[], TIME)?;
    let retries = lookup.parsed(
        args.retries,
        "retries",
        &["BAO_MAX_RETRIES", "VAULT_MAX_RETRIES"],
        RETRIES,
    )?;
    Ok(Limits {
        request: request.unwrap_or(default.request),
        total: total.unwrap_or(default.total),
        retries: retries.unwrap_or(default.retries),
    })
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
