//! The file of `--registries`: what differs from the default about image registries.

use serde::Deserialize;

use crate::image::{HostSettings, RegistrySettings};

/// The file, YAML.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Registries {
    /// Certification authorities in PEM, for every host, beside the system's.
    #[serde(default)]
    authorities: Option<String>,
    /// Hosts that differ.
    #[serde(default)]
    registries: Vec<Registry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Registry {
    host: String,
    #[serde(default)]
    mirrors: Vec<String>,
    #[serde(default)]
    authorities: Option<String>,
    #[serde(default)]
    insecure_plain_http: bool,
}

impl Registries {
    /// Reads the file's text.
    ///
    /// # Errors
    ///
    /// The parser's, with line and column.
    pub fn read(text: &str) -> Result<Self, Box<serde_saphyr::Error>> {
        serde_saphyr::from_str(text).map_err(Box::new)
    }

    /// As the look-up takes it. Hosts whose traffic is in the clear are told.
    #[must_use]
    pub fn settings(self) -> RegistrySettings {
        let host = |registry: Registry| {
            if registry.insecure_plain_http {
                tracing::warn!(
                    host = registry.host,
                    "insecurePlainHttp: whoever is on the way reads the credentials and chooses commands"
                );
            }
            HostSettings {
                host: registry.host,
                mirrors: registry.mirrors,
                authorities_pem: registry.authorities,
                insecure_plain_http: registry.insecure_plain_http,
            }
        };
        RegistrySettings {
            hosts: self.registries.into_iter().map(host).collect(),
            authorities_pem: self.authorities,
            ..RegistrySettings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_an_error_and_a_good_file_is_read() {
        let text = "registries:\n- {host: docker.io, mirrors: [mirror.example/hub]}\n\
                    - {host: 'localhost:5000', insecurePlainHttp: true}\n";
        let read = Registries::read(text).unwrap().settings();
        assert_eq!(read.hosts[0].mirrors, ["mirror.example/hub"]);
        assert!(read.hosts[1].insecure_plain_http && !read.hosts[0].insecure_plain_http);
        let odd = Registries::read("registries:\n- {host: a.example, insecure: true}\n");
        assert!(odd.unwrap_err().to_string().contains("insecure"));
    }
}
