//! The profiles that ship with the product.

use std::sync::LazyLock;

use super::{ProfileError, Simulation, Stated, VendorProfile};

/// The files, from the most to the least particular; the last fits every token.
const FILES: [&str; 6] = [
    include_str!("../../profiles/softhsm.toml"),
    include_str!("../../profiles/kryoptic.toml"),
    include_str!("../../profiles/nss.toml"),
    include_str!("../../profiles/tpm2-pkcs11.toml"),
    include_str!("../../profiles/opencryptoki.toml"),
    include_str!("../../profiles/standard.toml"),
];

// INVARIANT: each file is a profile (tested below); one that was not would be missing here.
static PROFILES: LazyLock<Vec<VendorProfile>> =
    LazyLock::new(|| FILES.iter().filter_map(|text| VendorProfile::parse(text).ok()).collect());

pub(super) fn named(name: &str) -> Result<VendorProfile, ProfileError> {
    let found = PROFILES.iter().find(|profile| profile.name == name).cloned();
    found.ok_or_else(|| {
        let names: Vec<&str> = PROFILES.iter().map(VendorProfile::name).collect();
        let fix = format!("write one of {}, or name a file", names.join(", "));
        ProfileError::new("profile", format!("names `{}`, which does not ship with Hufu", shown(name)), fix)
    })
}

/// The first that fits a token.
pub(super) fn fitting(stated: &Stated) -> VendorProfile {
    let found = PROFILES.iter().find(|profile| profile.fits(stated)).or(PROFILES.last());
    found.cloned().unwrap_or_else(unknown)
}

/// Nothing is known, so nothing is trusted.
fn unknown() -> VendorProfile {
    VendorProfile {
        name: "none".to_owned(),
        title: String::new(),
        matches: Vec::new(),
        init_string: None,
        simulation: Simulation::Always,
        login: true,
        sessions_max: None,
        ec_point: super::EcPoint::default(),
        quirks: super::Quirks::default(),
        refused: Vec::new(),
        mechanisms: super::VendorMechanisms::default(),
        text: "".into(),
    }
}

/// A name from outside, cut to what a name may be.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_profile_of_another_name() {
        let mut names: Vec<String> =
            FILES.iter().map(|text| VendorProfile::parse(text).unwrap().name().to_owned()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), FILES.len());
        assert_eq!(PROFILES.last().unwrap().name(), "standard");
    }
}
