//! The policy of a holder, TOML.

use std::collections::BTreeMap;

use hufu_core::name::{KeyName, parse_tenant_name};
use hufu_custodian::Name;
use hufu_engine::{HolderPolicy, RequesterRule};
use serde::Deserialize;

/// The format that there is.
const FORMAT: u32 = 1;
/// Longest that a mandate may be let be good for: a week, in seconds.
const LIFETIME_S_MAX: u64 = 7 * 24 * 3_600;
/// Most requesters, and most names of keys of one.
const ENTRIES_MAX: usize = 256;

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum PolicyError {
    /// It is not the TOML it should be.
    #[error("{0}")]
    Malformed(#[from] toml::de::Error),
    /// A value cannot be used.
    #[error("`{0}`: {1}")]
    Invalid(&'static str, String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    mandate_lifetime_s_max: u64,
    #[serde(default)]
    coordinator_may_destroy: bool,
    #[serde(default, rename = "requester")]
    requesters: Vec<Requester>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requester {
    name: String,
    keys: Vec<String>,
    #[serde(default)]
    may_generate: bool,
}

pub(super) fn from_toml(text: &str) -> Result<HolderPolicy, PolicyError> {
    let file: File = toml::from_str(text)?;
    let invalid = |field, why: &str| Err(PolicyError::Invalid(field, why.to_owned()));
    if file.format != FORMAT {
        return invalid("format", "is 1");
    }
    if !(1..=LIFETIME_S_MAX).contains(&file.mandate_lifetime_s_max) {
        return invalid("mandate_lifetime_s_max", "is 1 to 604800 seconds");
    }
    if file.requesters.len() > ENTRIES_MAX {
        return invalid("requester", "there are at most 256");
    }
    let mut requesters = BTreeMap::new();
    for requester in file.requesters {
        let (name, rule) = rule(requester)?;
        if requesters.insert(name, rule).is_some() {
            return invalid("requester.name", "is there twice");
        }
    }
    Ok(HolderPolicy {
        mandate_lifetime_ms_max: file.mandate_lifetime_s_max.saturating_mul(1_000),
        requesters,
        coordinator_may_destroy: file.coordinator_may_destroy,
    })
}

fn rule(requester: Requester) -> Result<(Name, RequesterRule), PolicyError> {
    let Requester { name, keys, may_generate } = requester;
    let name = name
        .parse()
        .map_err(|error: hufu_custodian::Error| PolicyError::Invalid("requester.name", error.to_string()))?;
    let wrong = keys.iter().find(|key| !is_pattern(key));
    if let Some(wrong) = wrong {
        let why = format!("`{wrong}` is neither `tenants/T/keys/K` nor `tenants/T/keys/*`");
        return Err(PolicyError::Invalid("requester.keys", why));
    }
    if keys.is_empty() || keys.len() > ENTRIES_MAX {
        return Err(PolicyError::Invalid("requester.keys", "there are 1 to 256".to_owned()));
    }
    Ok((name, RequesterRule { keys: keys.into_iter().collect(), may_generate }))
}

/// The name of a key, or of all keys of a tenant.
fn is_pattern(key: &str) -> bool {
    let all_of_a_tenant = key.strip_suffix("/keys/*").is_some_and(|tenant| parse_tenant_name(tenant).is_ok());
    all_of_a_tenant || key.parse::<KeyName>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "format = 1\nmandate_lifetime_s_max = 600\n\
        [[requester]]\nname = \"wallet\"\nkeys = [\"tenants/t/keys/k\", \"tenants/u/keys/*\"]\nmay_generate = true\n\
        [[requester]]\nname = \"till\"\nkeys = [\"tenants/t/keys/k\"]\n";

    #[test]
    fn a_policy_says_who_may_do_what() {
        let policy = from_toml(GOOD).unwrap();
        assert_eq!((policy.mandate_lifetime_ms_max, policy.coordinator_may_destroy), (600_000, false));
        let [till, wallet] = ["till", "wallet"].map(|name| &policy.requesters[&name.parse().unwrap()]);
        assert_eq!((till.may_generate, wallet.may_generate), (false, true));
        assert_eq!((till.keys.len(), wallet.keys.len()), (1, 2));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (from, to, about) in [
            ("format = 1", "format = 2", "format"),
            ("mandate_lifetime_s_max = 600", "mandate_lifetime_s_max = 0", "mandate_lifetime_s_max"),
            ("mandate_lifetime_s_max = 600", "mandate_lifetime_s_max = 604801", "mandate_lifetime_s_max"),
            ("mandate_lifetime_s_max = 600", "mandate_lifetime_s = 600", "mandate_lifetime_s"),
            ("may_generate = true", "may_sign = true", "may_sign"),
            ("name = \"till\"", "name = \"wallet\"", "twice"),
            ("name = \"till\"", "name = \"Till\"", "requester.name"),
            ("tenants/u/keys/*", "tenants/*/keys/*", "requester.keys"),
            ("tenants/u/keys/*", "*", "requester.keys"),
            ("tenants/u/keys/*", "tenants/u/keys/a*", "requester.keys"),
        ] {
            let error = from_toml(&GOOD.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(about), "{to}: {error}");
        }
    }
}
