use hufu_sdk::{Word as _, v1};
use serde::Serialize;

use super::{last, protection_text, time};
use crate::{output::View, table::pairs};

/// A key version.
#[derive(Serialize)]
pub(crate) struct VersionView {
    pub(crate) name: String,
    pub(crate) version: Option<u64>,
    pub(crate) state: String,
    algorithm: String,
    scheme: String,
    pub(crate) protection: String,
    pub(crate) simulated: bool,
    pub(crate) attestation: AttestationView,
    pub(crate) create_time: Option<String>,
    activate_time: Option<String>,
    deactivate_time: Option<String>,
    revocation: Option<RevocationView>,
    pub(crate) scheduled_destroy_time: Option<String>,
    destroy_time: Option<String>,
    /// Holders that have not confirmed the destruction: too few to sign.
    unconfirmed_holders: Vec<String>,
    pub(crate) ledger_key_id: String,
    quarantined: bool,
    /// Where the material comes from.
    pub(crate) origin: String,
    /// The set of its shares at custodians, where there is one.
    share_set: Option<String>,
    etag: String,
}

/// Where the key lives and who says so.
#[derive(Serialize)]
pub(crate) struct AttestationView {
    pub(crate) kind: String,
    token_serial: String,
    detail: String,
    vendor: Option<String>,
    statement: Option<String>,
}

#[derive(Serialize)]
struct RevocationView {
    reason: String,
    revoke_time: Option<String>,
    compromise_time: Option<String>,
}

impl VersionView {
    pub(crate) fn new(version: &v1::KeyVersion) -> Self {
        let attestation = version.attestation.clone().unwrap_or_default();
        Self {
            name: version.name.clone(),
            version: last(&version.name).parse().ok(),
            state: version.state().word(),
            algorithm: version.algorithm().word(),
            scheme: version.scheme().word(),
            protection: version.protection().word(),
            simulated: attestation.simulated,
            attestation: AttestationView::new(attestation),
            create_time: time(version.create_time),
            activate_time: time(version.activate_time),
            deactivate_time: time(version.deactivate_time),
            revocation: version.revocation.as_ref().map(RevocationView::new),
            scheduled_destroy_time: time(version.scheduled_destroy_time),
            destroy_time: time(version.destroy_time),
            unconfirmed_holders: version.unconfirmed_holders.clone(),
            ledger_key_id: version.ledger_key_id.clone(),
            quarantined: version.quarantined,
            origin: origin(version.origin()),
            share_set: Some(version.share_set.clone()).filter(|set| !set.is_empty()),
            etag: version.etag.clone(),
        }
    }

    /// What a table of versions says of the revocation.
    pub(crate) fn remark(&self) -> String {
        let revoked = self.revocation.as_ref().map(|r| format!("revoked: {}", r.reason));
        let destroyed = self.scheduled_destroy_time.as_ref().map(|at| format!("destruction: {at}"));
        let quarantined = self.quarantined.then(|| "quarantined".to_owned());
        let origin = (self.origin != "generated").then(|| self.origin.clone());
        [origin, revoked, destroyed, quarantined].into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// Services before keys came in said nothing of it: all were generated.
fn origin(origin: v1::Origin) -> String {
    if origin == v1::Origin::Unspecified { v1::Origin::Generated.word() } else { origin.word() }
}

impl AttestationView {
    fn new(attestation: v1::Attestation) -> Self {
        let kind = attestation.kind().word();
        Self {
            kind,
            token_serial: attestation.token_serial,
            detail: attestation.detail,
            vendor: Some(attestation.vendor).filter(|vendor| !vendor.is_empty()),
            statement: Some(attestation.statement).filter(|bytes| !bytes.is_empty()).map(hex::encode),
        }
    }

    /// Who says where the key lives, and what that is worth.
    fn said_by(&self) -> String {
        match (self.kind.as_str(), &self.vendor) {
            ("software", _) => "the service: a software key".to_owned(),
            ("driver-asserted", _) => "the token's driver: no proof".to_owned(),
            ("simulated", _) => "a simulated token: proves nothing".to_owned(),
            ("split", _) => "the service: it was whole in a locked process while it was split".to_owned(),
            ("vendor-attested", Some(vendor)) => format!("{vendor}: a signed statement"),
            _ => String::new(),
        }
    }
}

impl RevocationView {
    fn new(revocation: &v1::Revocation) -> Self {
        Self {
            reason: revocation.reason().word(),
            revoke_time: time(revocation.revoke_time),
            compromise_time: time(revocation.compromise_time),
        }
    }

    fn text(&self) -> String {
        let mut text = self.reason.clone();
        if let Some(at) = &self.revoke_time {
            text.push_str(&format!(" at {at}"));
        }
        if let Some(since) = &self.compromise_time {
            text.push_str(&format!(", compromised since {since}"));
        }
        text
    }
}

impl View for VersionView {
    fn text(&self) -> String {
        let time = |time: &Option<String>| time.clone().unwrap_or_default();
        pairs([
            ("name", self.name.clone()),
            ("state", self.state.clone()),
            ("algorithm", self.algorithm.clone()),
            ("scheme", self.scheme.clone()),
            ("protection", protection_text(&self.protection, self.simulated)),
            ("attestation", self.attestation.kind.clone()),
            ("said by", self.attestation.said_by()),
            ("origin", self.origin.clone()),
            ("token", self.attestation.token_serial.clone()),
            ("detail", self.attestation.detail.clone()),
            ("created", time(&self.create_time)),
            ("activated", time(&self.activate_time)),
            ("deactivated", time(&self.deactivate_time)),
            ("revoked", self.revocation.as_ref().map(RevocationView::text).unwrap_or_default()),
            ("destruction", time(&self.scheduled_destroy_time)),
            ("destroyed", time(&self.destroy_time)),
            ("unconfirmed", self.unconfirmed_holders.join(", ")),
            ("quarantine", if self.quarantined { "yes".to_owned() } else { String::new() }),
            ("ledger key id", self.ledger_key_id.clone()),
        ])
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample() -> v1::KeyVersion {
        v1::KeyVersion {
            name: "tenants/t/keys/k/versions/12".into(),
            state: v1::KeyState::Compromised.into(),
            algorithm: v1::Algorithm::P256.into(),
            scheme: v1::Scheme::EcdsaSha256.into(),
            protection: v1::Protection::Hsm.into(),
            attestation: Some(v1::Attestation {
                kind: v1::AttestationKind::Simulated.into(),
                simulated: true,
                ..Default::default()
            }),
            revocation: Some(v1::Revocation {
                reason: v1::RevocationReason::KeyCompromise.into(),
                ..Default::default()
            }),
            ledger_key_id: "ab".repeat(32),
            ..Default::default()
        }
    }

    #[test]
    fn json_is_stable() {
        let json = serde_json::to_value(VersionView::new(&sample())).unwrap();
        assert_eq!(json["version"], 12);
        assert_eq!(json["state"], "compromised");
        assert_eq!(json["scheme"], "ecdsa-sha256");
        assert_eq!(json["protection"], "hsm");
        assert_eq!(json["simulated"], true);
        assert_eq!(json["revocation"]["reason"], "key-compromise");
        assert_eq!(json["destroy_time"], serde_json::Value::Null);
        assert_eq!(json["ledger_key_id"], "ab".repeat(32));
    }

    #[test]
    fn the_text_tells_what_is_simulated() {
        let text = VersionView::new(&sample()).text();
        assert!(text.contains("protection     hsm, simulated\n"), "{text}");
        assert!(text.contains("revoked        key-compromise\n"), "{text}");
        assert!(!text.contains("destroyed"), "{text}");
    }

    #[test]
    fn the_text_tells_who_says_where_the_key_lives() {
        let shown = |kind: v1::AttestationKind, vendor: &str| {
            let attestation = v1::Attestation {
                kind: kind.into(),
                vendor: vendor.into(),
                statement: vendor.into(),
                ..Default::default()
            };
            VersionView::new(&v1::KeyVersion { attestation: Some(attestation), ..sample() })
        };
        let text = shown(v1::AttestationKind::DriverAsserted, "").text();
        assert!(text.contains("driver-asserted\nsaid by        the token's driver: no proof\n"), "{text}");
        let text = shown(v1::AttestationKind::VendorAttested, "Thales").text();
        assert!(text.contains("vendor-attested\nsaid by        Thales: a signed statement\n"), "{text}");
        let json = serde_json::to_value(shown(v1::AttestationKind::VendorAttested, "Thales")).unwrap();
        assert_eq!(json["attestation"]["statement"], "5468616c6573");
        let json = serde_json::to_value(shown(v1::AttestationKind::Software, "")).unwrap();
        assert_eq!(json["attestation"]["vendor"], serde_json::Value::Null);
    }

    #[test]
    fn values_that_this_release_does_not_know_are_unspecified() {
        let unknown = v1::KeyVersion { state: 99, ..sample() };
        assert_eq!(VersionView::new(&unknown).state, "unspecified");
    }
}
