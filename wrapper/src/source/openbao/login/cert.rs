//! `cert`: the certificate of the TLS connection itself.

use super::{Credential, LoginError, Method};
use crate::secret::Secret;
use crate::source::openbao::settings::{LoginSettings, ServerConfig};

pub(super) struct Cert;

impl Method for Cert {
    fn name(&self) -> &'static str {
        "cert"
    }

    fn hint(&self) -> &'static str {
        "does a role of the method know the client certificate or its authority?"
    }

    fn is_meant(&self, config: &ServerConfig) -> bool {
        config.tls.client_cert.is_some()
    }

    fn credential(&self, settings: &LoginSettings) -> Result<Credential, LoginError> {
        // Without a name, every role whose certificate fits is tried by the server.
        let role = settings
            .role
            .clone()
            .map(|role| ("name", Secret::from(role)));
        Ok(Credential::Login(role.into_iter().collect()))
    }
}
