//! What the wrapper is told: the profile's settings, with those wishes of the pod that the profile
//! allows.
//!
//! Fails closed: a wish that is not allowed refuses the pod, because ignoring it would start a
//! program with another server or role than its author meant. One exception: `vault-skip-verify`
//! without permission is ignored with a warning, since ignoring it is the safe side (H3).

use cloudtaser_abi::annotation::{ENFORCER_WORDS, Override};
use cloudtaser_abi::protection::Protection;

use super::Refusal;
use crate::address::{self, Origin};
use crate::annotation::{Wish, Wishes};
use crate::profile::Profile;
use crate::profile::spec::{DeliveryName, EnforcerName, ProtectionName};

/// Settings for all containers of one pod.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Settings {
    /// Addresses, with commas between them.
    pub(super) address: String,
    /// The server's namespace.
    pub(super) namespace: Option<String>,
    /// Login method.
    pub(super) method: &'static str,
    /// Its mount.
    pub(super) mount: String,
    /// Role.
    pub(super) role: String,
    /// Take any certificate.
    pub(super) skip_verify: bool,
    /// Take plain http.
    pub(super) insecure_http: bool,
    /// How secrets get into the program.
    pub(super) delivery: &'static str,
    /// The least protection.
    pub(super) min_protection: Protection,
    /// What to do about the enforcer.
    pub(super) enforcer: &'static str,
}

/// Who the pod is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity<'p> {
    pub(super) namespace: &'p str,
    pub(super) service_account: &'p str,
}

impl Identity<'_> {
    fn fill(self, pattern: &str) -> String {
        // Names of both kinds cannot hold a brace (RFC 1123), so nothing that was put in is
        // expanded again.
        pattern
            .replace("{namespace}", self.namespace)
            .replace("{serviceAccount}", self.service_account)
    }
}

/// Puts profile and wishes together.
///
/// # Errors
///
/// [`Refusal`]: the first wish that is not allowed.
pub(super) fn settings(
    profile: &Profile,
    wishes: &Wishes,
    identity: Identity<'_>,
    warnings: &mut Vec<String>,
) -> Result<Settings, Refusal> {
    let spec = &profile.spec;
    let allow = Permission { profile };
    if let Some(key) = &wishes.secrets_key {
        allow.check(key, Override::Paths)?;
    }
    let method = allow.choose(&wishes.auth_method, Override::AuthMethod)?;
    let method = method.copied().unwrap_or_else(|| spec.auth.method.word());
    if method == "cert" && spec.server.client_certificate_secret.is_none() {
        let profile = profile.name.clone();
        return Err(Refusal::NoClientCertificate { profile });
    }
    let mount = allow.choose(&wishes.auth_path, Override::AuthPath)?;
    let mount = mount.or(spec.auth.mount.as_ref());
    let namespace = allow.choose(&wishes.namespace, Override::Namespace)?;
    let delivery = allow.choose(&wishes.delivery, Override::Delivery)?;
    Ok(Settings {
        address: allow.address(&wishes.address)?,
        namespace: namespace.or(spec.server.namespace.as_ref()).cloned(),
        method,
        mount: mount.map_or_else(|| method.to_owned(), Clone::clone),
        role: allow.role(&wishes.role, identity)?,
        skip_verify: allow.skip_verify(&wishes.skip_verify, warnings),
        insecure_http: spec.server.insecure_http,
        delivery: delivery.copied().unwrap_or(match spec.protection.delivery {
            DeliveryName::Auto => "auto",
            DeliveryName::Preload => "preload",
            DeliveryName::Environ => "environ",
        }),
        min_protection: allow.min_protection(&wishes.min_protection)?,
        enforcer: allow.enforcer(&wishes.enforcer)?,
    })
}

/// What one profile allows.
struct Permission<'p> {
    profile: &'p Profile,
}

impl Permission<'_> {
    fn check(&self, key: &str, needed: Override) -> Result<(), Refusal> {
        if self.profile.spec.allows(needed) {
            return Ok(());
        }
        let grantable = Override::GRANTABLE.into_iter();
        let allowed: Vec<&str> = grantable
            .filter(|name| self.profile.spec.allows(*name))
            .map(Override::word)
            .collect();
        Err(Refusal::NotAllowed {
            key: key.to_owned(),
            profile: self.profile.name.clone(),
            allowed: if allowed.is_empty() {
                "nothing".to_owned()
            } else {
                allowed.join(", ")
            },
            needed: needed.word(),
        })
    }

    fn choose<'w, T>(
        &self,
        wish: &'w Option<Wish<T>>,
        needed: Override,
    ) -> Result<Option<&'w T>, Refusal> {
        let Some(wish) = wish else {
            return Ok(None);
        };
        self.check(&wish.key, needed)?;
        Ok(Some(&wish.value))
    }

    /// The profile's own address may be repeated by anybody (H1).
    fn address(&self, wish: &Option<Wish<String>>) -> Result<String, Refusal> {
        let addresses = &self.profile.spec.server.addresses;
        let Some(Wish { value, key }) = wish else {
            return Ok(addresses.join(","));
        };
        if addresses.iter().any(|own| address::is_same(own, value)) {
            return Ok(addresses.join(","));
        }
        let policy = &self.profile.spec.address_policy;
        self.check(key, Override::Address)?;
        let origin = Origin::Pod {
            allows_private: policy.allow_private,
        };
        let checked = address::check(value, origin).map_err(|problem| Refusal::Address {
            key: key.clone(),
            value: value.clone(),
            problem,
        })?;
        match &policy.allowed {
            Some(list) if !list.iter().any(|listed| address::is_same(listed, value)) => {
                Err(Refusal::AddressNotListed {
                    key: key.clone(),
                    value: value.clone(),
                    profile: self.profile.name.clone(),
                    allowed: list.join(", "),
                })
            }
            _ => Ok(checked),
        }
    }

    fn role(&self, wish: &Option<Wish<String>>, identity: Identity<'_>) -> Result<String, Refusal> {
        let auth = &self.profile.spec.auth;
        let own = identity.fill(&auth.role);
        let Some(Wish { value, key }) = wish else {
            return Ok(own);
        };
        if *value == own {
            return Ok(own);
        }
        self.check(key, Override::Role)?;
        match &auth.allowed_roles {
            Some(patterns) if !patterns.iter().any(|p| matches(&identity.fill(p), value)) => {
                Err(Refusal::RoleNotListed {
                    key: key.clone(),
                    value: value.clone(),
                    profile: self.profile.name.clone(),
                    allowed: patterns.join(", "),
                })
            }
            _ => Ok(value.clone()),
        }
    }

    fn skip_verify(&self, wish: &Option<Wish<bool>>, warnings: &mut Vec<String>) -> bool {
        let own = self.profile.spec.server.insecure_skip_verify;
        let Some(wish) = wish else {
            return own;
        };
        if !wish.value || own {
            return wish.value;
        }
        let is_allowed = self.profile.spec.allows(Override::SkipVerify);
        if !is_allowed {
            warnings.push(format!(
                "annotation `{}` is ignored: the profile `{}` does not allow it, and the server's \
                 certificate is verified",
                wish.key, self.profile.name
            ));
        }
        is_allowed
    }

    fn min_protection(&self, wish: &Option<Wish<Protection>>) -> Result<Protection, Refusal> {
        let own = match self.profile.spec.protection.minimum {
            ProtectionName::None => Protection::None,
            ProtectionName::Locked => Protection::Locked,
            ProtectionName::Secretmem => Protection::Secretmem,
            ProtectionName::Enforced => Protection::Enforced,
        };
        let Some(Wish { value, key }) = wish else {
            return Ok(own);
        };
        if *value < own && !self.profile.spec.allows(Override::Protection) {
            return Err(self.less(key, value.name(), own.name()));
        }
        Ok(*value)
    }

    fn enforcer(&self, wish: &Option<Wish<&'static str>>) -> Result<&'static str, Refusal> {
        let own = match self.profile.spec.protection.enforcer {
            EnforcerName::Off => "off",
            EnforcerName::Prefer => "prefer",
            EnforcerName::Require => "require",
        };
        let Some(Wish { value, key }) = wish else {
            return Ok(own);
        };
        let rank = |word: &str| ENFORCER_WORDS.iter().position(|known| *known == word);
        if rank(value) < rank(own) && !self.profile.spec.allows(Override::Protection) {
            return Err(self.less(key, value, own));
        }
        Ok(value)
    }

    fn less(&self, key: &str, value: &'static str, demanded: &'static str) -> Refusal {
        Refusal::LessProtection {
            key: key.to_owned(),
            value,
            profile: self.profile.name.clone(),
            demanded,
        }
    }
}

/// Whether `text` is the pattern, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        // The leftmost place of each piece leaves the most for those behind it.
        let Some((_, behind)) = text.split_once(part) else {
            return false;
        };
        text = behind;
    }
    text.ends_with(last)
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
