//! `kubernetes`: the pod's service-account token, which the server has reviewed by the cluster.

use std::path::Path;

use super::{Credential, LoginError, Method, read_word};
use crate::secret::Secret;
use crate::source::openbao::settings::{LoginSettings, ServerConfig};

pub(super) struct Kubernetes;

/// Where a pod finds its token (Kubernetes, "Configure Service Accounts for Pods"). The kubelet
/// replaces it before it expires.
const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

impl Method for Kubernetes {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn hint(&self) -> &'static str {
        "is the service account bound to the role, and may the server review tokens?"
    }

    fn is_meant(&self, config: &ServerConfig) -> bool {
        let LoginSettings { role, jwt_file, .. } = &config.login;
        role.is_some() && jwt_file.is_none() && Path::new(SERVICE_ACCOUNT_TOKEN).is_file()
    }

    fn credential(&self, settings: &LoginSettings) -> Result<Credential, LoginError> {
        let Some(role) = settings.role.clone() else {
            return Err(LoginError::Missing {
                method: "kubernetes",
                what: "the role: --role NAME",
            });
        };
        let default = Path::new(SERVICE_ACCOUNT_TOKEN);
        let file = settings.jwt_file.as_deref().unwrap_or(default);
        let jwt = read_word("the service-account token (--jwt-file)", file)?;
        Ok(Credential::Login(vec![
            ("role", Secret::from(role)),
            ("jwt", jwt),
        ]))
    }
}
