//! What the tests of logins share: a secret, who may read it, and tokens that are not what they
//! say.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use cloudtaser_tests::kube::{Api, Namespace};
use cloudtaser_tests::server::jwt::seconds;
use cloudtaser_tests::server::{Admin, JwtKey, Kv, Server, unique};
use cloudtaser_tests::{Wrapper, skip};
use cloudtaser_wrapper::status;
use serde_json::{Value, json};

/// The audience that the login wants of a token.
pub(crate) const AUDIENCE: &str = "vault";

/// A secret server that has tokens reviewed by the API server, and a secret in it that the service
/// account `web` of one namespace may read.
pub(crate) struct Login {
    pub(crate) api: &'static Api,
    pub(crate) namespace: Namespace,
    server: &'static Server,
    pub(crate) admin: Admin,
    kv: Kv,
    mount: String,
}

impl Login {
    /// Nothing, and a counted skip, without a secret server.
    pub(crate) fn new() -> Option<Self> {
        if std::env::var_os("CLOUDTASER_TEST_SERVER").is_none() {
            let lack = std::env::var("CLOUDTASER_TEST_SERVER_LACK").unwrap_or_default();
            skip(&format!("a secret server: {lack}"));
            return None;
        }
        let (api, server) = (Api::shared(), Server::shared());
        let (namespace, admin) = (api.namespace("shop"), server.admin());
        let _user = namespace.account("web");
        let kv = admin.kv(&unique("kv"), 2);
        kv.put("app", &json!({ "f": "s3cret" }));
        let mount = unique("kubernetes");
        admin.policy(
            &mount,
            &format!("path \"{}/*\" {{ capabilities = [\"read\"] }}", kv.mount),
        );
        let reviewer = namespace.account("reviewer");
        api.admin().let_review(&reviewer);
        admin.kubernetes_mount(
            &mount,
            &json!({
                "kubernetes_host": api.url(),
                "kubernetes_ca_cert": api.ca_pem(),
                "token_reviewer_jwt": namespace.token(
                    "reviewer",
                    cloudtaser_tests::kube::api::ISSUER,
                    None,
                ),
            }),
        );
        let login = Self {
            api,
            namespace,
            server,
            admin,
            kv,
            mount,
        };
        login.role("web", "web");
        Some(login)
    }

    /// A role that gives the policy to this service account of the namespace; `*` is any.
    pub(crate) fn role(&self, role: &str, account: &str) {
        let bound = json!({
            "bound_service_account_names": [account],
            "bound_service_account_namespaces": [self.namespace.name],
            "audience": AUDIENCE,
        });
        let admin = &self.admin;
        admin.kubernetes_role(&self.mount, role, bound, &[&self.mount]);
    }

    /// A start as a pod makes it, whose token is in a file.
    pub(crate) fn start(&self, role: &str, token: &str) -> Wrapper {
        Wrapper::openbao(self.server)
            .login("kubernetes", &self.mount, role)
            .flag_file("--jwt-file", token)
            .env("A", format!("vault:{}/app#f", self.kv.mount))
    }

    /// The program gets the secret, and no token is left afterwards.
    #[track_caller]
    pub(crate) fn arrives(&self, token: &str) {
        let ended = self
            .start("web", token)
            .run(&["sh", "-c", "printf %s \"$A\""]);
        assert_eq!(ended.with(0).stdout(), "s3cret");
        self.has_no_token();
    }

    /// The program is not started, for want of the login, and nothing says the token.
    #[track_caller]
    pub(crate) fn refused(&self, token: &str) {
        let ended = self.start("web", token).run(&["echo", "started"]);
        let ended = ended.with(status::PRIVILEGE.into());
        assert_eq!(ended.stdout(), "", "{ended:?}");
        ended.says(&["role `web`"]);
        let signature = token.rsplit('.').next().unwrap();
        assert!(!ended.stderr().contains(signature), "{ended:?}");
        self.has_no_token();
    }

    #[track_caller]
    fn has_no_token(&self) {
        let left = self.admin.accessors_with(&self.mount);
        assert!(left.is_empty(), "{left:?}");
    }
}

/// What a token says.
#[track_caller]
pub(crate) fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// The same claims, signed by a key that nobody knows.
pub(crate) fn forged(token: &str) -> String {
    JwtKey::new().sign(&claims(token))
}

/// The same claims, signed by the server's key, which end in so many seconds; 0 is now.
pub(crate) fn with_end(api: &Api, token: &str, ahead: i64) -> String {
    let mut claims = claims(token);
    let now = i64::try_from(seconds(std::time::Duration::ZERO)).unwrap();
    // They began long enough ago to have ended since.
    for begin in ["iat", "nbf"] {
        claims[begin] = json!(now - 3600);
    }
    claims["exp"] = json!(now + ahead);
    api.accounts().sign(&claims)
}
