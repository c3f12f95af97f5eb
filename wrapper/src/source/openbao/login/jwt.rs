//! `jwt`: a token that somebody else has signed, such as a CI job's identity or a pod's.

use super::{Credential, LoginError, Method, read_word};
use crate::secret::Secret;
use crate::source::openbao::settings::{LoginSettings, ServerConfig};

pub(super) struct Jwt;

impl Method for Jwt {
    fn name(&self) -> &'static str {
        "jwt"
    }

    fn hint(&self) -> &'static str {
        "do the role's audience, subject and issuer fit the token, and has it not expired?"
    }

    fn is_meant(&self, config: &ServerConfig) -> bool {
        config.login.jwt_file.is_some()
    }

    fn credential(&self, settings: &LoginSettings) -> Result<Credential, LoginError> {
        let Some(file) = &settings.jwt_file else {
            return Err(LoginError::Missing {
                method: "jwt",
                what: "the signed token: --jwt-file FILE",
            });
        };
        let mut parameters = vec![("jwt", read_word("the signed token (--jwt-file)", file)?)];
        // Without one, the mount's default role is taken.
        if let Some(role) = settings.role.clone() {
            parameters.push(("role", Secret::from(role)));
        }
        Ok(Credential::Login(parameters))
    }
}
