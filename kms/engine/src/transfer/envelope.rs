//! What a wrapped key travels in: its attributes beside its material, under one tag.
//!
//! The attributes are those of the version that was wrapped, all of them, and a key is made of the envelope or not at all: there is
//! no way to ask for others (Delaune, Kremer and Steel 2008: the attacks by re-import with other attributes).

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::codec;
use hufu_core::name::{TenantId, VersionName};
use hufu_core::record::{Exit, Protection, VersionUid};
use minicbor::{Decode, Encode};

use crate::foundation::Integrity;

const DOMAIN: &str = "hufu-wrapped-key";
const FORMAT: u32 = 1;
/// What the tag is made under, beside the tenant.
const TAG_DOMAIN: &str = "hufu-wrapped-key-tag-v1";

#[derive(Encode, Decode)]
#[cbor(map)]
struct Envelope {
    /// The encoded contents.
    #[cbor(n(0), with = "minicbor::bytes")]
    contents: Vec<u8>,
    /// HMAC-SHA-256 over the contents, under a key of the tenant.
    #[cbor(n(1), with = "minicbor::bytes")]
    tag: Vec<u8>,
}

/// A wrapped key and what it is.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Contents {
    /// The deployment that wrapped it.
    #[n(0)]
    pub(super) deployment: String,
    /// The tenant that owns both keys.
    #[n(1)]
    pub(super) tenant: TenantId,
    /// Name of the version that wraps.
    #[n(2)]
    pub(super) by: String,
    /// Identity of its material.
    #[n(3)]
    pub(super) by_uid: VersionUid,
    /// Name of the version that was wrapped.
    #[n(4)]
    pub(super) version: String,
    /// Identity of its material.
    #[n(5)]
    pub(super) uid: VersionUid,
    #[n(6)]
    pub(super) algorithm: Algorithm,
    #[n(7)]
    pub(super) purpose: Purpose,
    #[n(8)]
    pub(super) scheme: Scheme,
    #[n(9)]
    pub(super) protection: Protection,
    #[n(10)]
    pub(super) exit: Exit,
    #[n(11)]
    pub(super) digest_allowed: bool,
    #[n(12)]
    pub(super) distinguishing_id: Option<String>,
    /// AES-KWP of the material.
    #[cbor(n(13), with = "minicbor::bytes")]
    pub(super) wrapped: Vec<u8>,
    /// When it was wrapped.
    #[n(14)]
    pub(super) at: u64,
}

impl Contents {
    pub(super) fn seal(&self, integrity: &Integrity) -> Vec<u8> {
        let contents = minicbor::to_vec(self).unwrap_or_default();
        let tag = integrity.tag_of_tenant(TAG_DOMAIN, self.tenant.as_str(), &contents).to_vec();
        codec::encode(DOMAIN, FORMAT, &Envelope { contents, tag })
    }

    /// The contents, if this deployment sealed them for that tenant.
    pub(super) fn open(integrity: &Integrity, tenant: &TenantId, blob: &[u8]) -> Option<Self> {
        let Envelope { contents, tag } = codec::decode(DOMAIN, FORMAT, blob).ok()?;
        if !integrity.is_tag_of_tenant(TAG_DOMAIN, tenant.as_str(), &contents, &tag) {
            return None;
        }
        let opened: Self = minicbor::decode(&contents).ok()?;
        (opened.tenant == *tenant).then_some(opened)
    }

    /// The version that wraps.
    pub(super) fn wrapper(&self) -> Option<VersionName> {
        self.by.parse().ok()
    }

    /// The version that was wrapped.
    pub(super) fn source(&self) -> Option<VersionName> {
        self.version.parse().ok()
    }
}

/// Reads an envelope as far as that goes without its key: for fuzzing the parser.
#[must_use]
pub fn read_envelope(blob: &[u8]) -> bool {
    codec::decode::<Envelope>(DOMAIN, FORMAT, blob)
        .is_ok_and(|envelope| minicbor::decode::<Contents>(&envelope.contents).is_ok())
}

#[cfg(test)]
mod tests {
    use hufu_secret::SecretBytes;

    use super::*;

    fn contents() -> Contents {
        Contents {
            deployment: "d".into(),
            tenant: TenantId::parse("dev").unwrap(),
            by: "tenants/dev/keys/w/versions/1".into(),
            by_uid: VersionUid([1; 16]),
            version: "tenants/dev/keys/k/versions/1".into(),
            uid: VersionUid([2; 16]),
            algorithm: Algorithm::HmacSha256,
            purpose: Purpose::Mac,
            scheme: Scheme::HmacSha256,
            protection: Protection::Software,
            exit: Exit::Exportable,
            digest_allowed: false,
            distinguishing_id: None,
            wrapped: vec![3; 40],
            at: 5,
        }
    }

    /// Delaune, Kremer and Steel 2008; Clulow 2003 (key conjuring): no bit of attributes or material can be another, and none is
    /// taken from another tenant or deployment.
    #[test]
    fn no_bit_can_be_another() {
        let integrity = Integrity::new(&SecretBytes::from_slice(&[7; 32]));
        let tenant = contents().tenant;
        let blob = contents().seal(&integrity);
        assert_eq!(Contents::open(&integrity, &tenant, &blob), Some(contents()));
        assert!(read_envelope(&blob));
        for bit in 0..blob.len() * 8 {
            let mut spoilt = blob.clone();
            spoilt[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Contents::open(&integrity, &tenant, &spoilt), None, "bit {bit}");
        }
        for len in 0..blob.len() {
            assert_eq!(Contents::open(&integrity, &tenant, &blob[..len]), None);
        }
        assert_eq!(Contents::open(&integrity, &TenantId::parse("dew").unwrap(), &blob), None);
        let stranger = Integrity::new(&SecretBytes::from_slice(&[8; 32]));
        assert_eq!(Contents::open(&stranger, &tenant, &blob), None);
    }

    /// The format is kept outside for ever: a change here breaks every wrapped key.
    #[test]
    fn format_1_stays_readable() {
        let integrity = Integrity::new(&SecretBytes::from_slice(&[7; 32]));
        let blob = hex::decode(include_str!("../../tests/data/wrapped-key-1.hex").trim()).unwrap();
        assert_eq!(Contents::open(&integrity, &contents().tenant, &blob), Some(contents()));
        assert_eq!(contents().seal(&integrity), blob);
    }
}
