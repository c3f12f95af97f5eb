//! `token`: somebody else has logged in; the token lies in a file, or in the environment.

use std::path::PathBuf;

use super::{Credential, LoginError, Method, read_word};
use crate::source::openbao::settings::{LoginSettings, ServerConfig};

pub(super) struct Token;

/// Where the clients `bao login` and `vault login` leave their token.
const HELPER_FILES: [&str; 2] = [".bao-token", ".vault-token"];

impl Method for Token {
    fn name(&self) -> &'static str {
        "token"
    }

    fn hint(&self) -> &'static str {
        "has it expired, was it revoked, is it of this server and namespace?"
    }

    fn is_meant(&self, config: &ServerConfig) -> bool {
        let LoginSettings {
            token_file, token, ..
        } = &config.login;
        token_file.is_some() || token.is_some()
    }

    fn credential(&self, settings: &LoginSettings) -> Result<Credential, LoginError> {
        if let Some(file) = &settings.token_file {
            return read_word("the token (--token-file)", file).map(Credential::Token);
        }
        if let Some(token) = &settings.token {
            return Ok(Credential::Token(token.clone()));
        }
        let Some(file) = helper_file() else {
            return Err(LoginError::Missing {
                method: "token",
                what: "a token: --token-file FILE, VAULT_TOKEN, or `bao login` before",
            });
        };
        read_word("the token of `bao login`", &file).map(Credential::Token)
    }
}

fn helper_file() -> Option<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME")?);
    let mut files = HELPER_FILES.iter().map(|name| home.join(name));
    files.find(|file| file.is_file())
}
