//! Configurations of the peers: the ten secrets of [`FEW`], each in its peer's own words.

use std::path::Path;

use super::server::{Access, FEW};

/// vals' file of variables (YAML, of which JSON is a part).
pub(super) fn vals(access: &Access) -> String {
    let mount = &access.mount;
    let references: serde_json::Map<_, _> = FEW
        .variables()
        .map(|variable| {
            let reference = format!("ref+vault://{mount}/{}#/{}", variable.path, variable.field);
            (variable.name, reference.into())
        })
        .collect();
    serde_json::Value::from(references).to_string()
}

/// vals verifies no certificate when the address has 127.0.0.1 in it; the name is as near.
pub(super) fn vals_address(access: &Access) -> String {
    access.addr.replace("127.0.0.1", "localhost")
}

/// The agent's, with a template for each variable.
pub(super) fn agent(access: &Access, words: &[&str]) -> String {
    let tls = format!(
        "  ca_cert = {}\n  client_cert = {}\n  client_key = {}\n",
        file(&access.ca_cert),
        file(&access.client_cert),
        file(&access.client_key),
    );
    let mut text = format!(
        "log_level = \"error\"\n\
         vault {{\n  address = {}\n{tls}}}\n\
         auto_auth {{ method {{\n  type = \"cert\"\n  mount_path = {}\n  \
         config = {{\n  name = {}\n{tls}}} }} }}\n\
         template_config {{ exit_on_retry_failure = true }}\n\
         exec {{ command = {} }}\n",
        quoted(&access.addr),
        quoted(&format!("auth/{}", access.auth_mount)),
        quoted(&access.role),
        list(words),
    );
    for variable in FEW.variables() {
        let template = template(access, &variable.path, &variable.field);
        text += &format!(
            "env_template {} {{ contents = {} }}\n",
            quoted(&variable.name),
            quoted(&template)
        );
    }
    text
}

/// consul-template's, which renders one file with a line for each variable.
pub(super) fn consul_template(
    access: &Access,
    token: &str,
    rendered: &Path,
    words: &[&str],
) -> String {
    let lines: String = FEW
        .variables()
        .map(|variable| {
            let value = template(access, &variable.path, &variable.field);
            format!("{}={value}\n", variable.name)
        })
        .collect();
    format!(
        "vault {{\n  address = {}\n  token = {}\n  renew_token = false\n  \
         ssl {{\n  enabled = true\n  verify = true\n  ca_cert = {}\n  cert = {}\n  key = {}\n}} }}\n\
         template {{\n  contents = {}\n  destination = {}\n  perms = 0600\n}}\n\
         exec {{ command = {} }}\n",
        quoted(&access.addr),
        quoted(token),
        file(&access.ca_cert),
        file(&access.client_cert),
        file(&access.client_key),
        quoted(&lines),
        file(rendered),
        list(words),
    )
}

/// The agent's templates are consul-template's. KV version 2 keeps fields in `data` of `data`.
fn template(access: &Access, path: &str, field: &str) -> String {
    let mount = &access.mount;
    format!(
        "{{{{ with secret \"{mount}/data/{path}\" }}}}{{{{ .Data.data.{field} }}}}{{{{ end }}}}"
    )
}

/// A text in HCL, whose quotes are JSON's as long as there is no `${` in it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn file(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

fn list(words: &[&str]) -> String {
    serde_json::Value::from(words.to_vec()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::server::tests::access;

    #[test]
    fn every_secret_is_named() {
        let access = access();
        let vals = vals(&access);
        assert!(
            vals.contains(r#""SECRET_9":"ref+vault://secret/few/4#/f1""#),
            "{vals}"
        );
        assert_eq!(vals_address(&access), "https://localhost:1");

        let agent = agent(&access, &["env"]);
        let last = r#"env_template "SECRET_9" { contents = "{{ with secret \"secret/data/few/4\" }}{{ .Data.data.f1 }}{{ end }}" }"#;
        assert!(agent.contains(last), "{agent}");
        assert!(agent.contains(r#"exec { command = ["env"] }"#), "{agent}");
        assert_eq!(agent.matches("env_template ").count(), 10);

        let words = ["cat", "a b"];
        let config = consul_template(&access, "T", Path::new("out"), &words);
        assert!(config.contains(r#"\nSECRET_9={{ with secret \"secret/data/few/4\" }}"#));
        assert!(config.contains(r#"command = ["cat","a b"]"#), "{config}");
    }
}
