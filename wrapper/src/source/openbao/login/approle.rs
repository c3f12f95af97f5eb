//! `approle`: a role's id, which is no secret, and a secret id, which is, and may be
//! response-wrapped.

use super::{Credential, LoginError, Method, read_word};
use crate::secret::Secret;
use crate::source::openbao::settings::{LoginSettings, ServerConfig};

pub(super) struct AppRole;

impl Method for AppRole {
    fn name(&self) -> &'static str {
        "approle"
    }

    fn hint(&self) -> &'static str {
        "are role id and secret id right, and is the secret id unexpired and not used up?"
    }

    fn is_meant(&self, config: &ServerConfig) -> bool {
        let LoginSettings {
            role_id,
            role_id_file,
            ..
        } = &config.login;
        role_id.is_some() || role_id_file.is_some()
    }

    fn credential(&self, settings: &LoginSettings) -> Result<Credential, LoginError> {
        let role_id = match (&settings.role_id, &settings.role_id_file) {
            (Some(id), _) => Secret::from(id.clone()),
            (None, Some(file)) => read_word("the role id (--role-id-file)", file)?,
            (None, None) => {
                return Err(LoginError::Missing {
                    method: "approle",
                    what: "the role's id: --role-id ID or --role-id-file FILE",
                });
            }
        };
        let mut parameters = vec![("role_id", role_id)];
        // A role may be made without secret ids (`bind_secret_id=false`).
        if let Some(file) = &settings.secret_id_file {
            let secret_id = read_word("the secret id (--secret-id-file)", file)?;
            parameters.push(("secret_id", secret_id));
        }
        Ok(Credential::Login(parameters))
    }
}
