//! Attribute templates of new keys: one purpose, sensitive, never extractable.

use cryptoki::mechanism::MechanismType;
use cryptoki::object::Attribute;
use der::Encode;
use der::asn1::PrintableStringRef;
use hufu_core::algorithm::{Algorithm, Purpose};
use hufu_core::record::VersionUid;

use crate::public_key;

/// Labels of our objects begin so. A label is for people to read; it identifies nothing.
pub(crate) const LABEL_PREFIX: &str = "hufu-";

/// What a new key shall be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) uid: VersionUid,
    pub(crate) algorithm: Algorithm,
    pub(crate) purpose: Purpose,
    /// On the token, or gone with the session.
    pub(crate) permanent: bool,
    /// Length of an RSA modulus in bits.
    pub(crate) modulus_bits: u32,
    pub(crate) dialect: Dialect,
    /// The only mechanism that the key shall work with, where the token can enforce it.
    pub(crate) mechanism: MechanismType,
}

/// How this token wants to be asked; found by trial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Dialect {
    /// It takes CKA_ALLOWED_MECHANISMS.
    pub(crate) allowed_mechanisms: bool,
    /// It names the Edwards curve by a string, as PKCS #11 v3.0 §2.3.10 allows, not by an object identifier.
    pub(crate) edwards_by_name: bool,
}

/// Every dialect, the strictest first.
pub(crate) const DIALECTS: [Dialect; 4] = [
    Dialect { allowed_mechanisms: true, edwards_by_name: false },
    Dialect { allowed_mechanisms: true, edwards_by_name: true },
    Dialect { allowed_mechanisms: false, edwards_by_name: false },
    Dialect { allowed_mechanisms: false, edwards_by_name: true },
];

/// The template of a private or secret key.
pub(crate) fn private(plan: &Plan) -> Vec<Attribute> {
    let (signs, encrypts) = (plan.purpose != Purpose::Encrypt, plan.purpose == Purpose::Encrypt);
    let mut template = common(plan);
    template.extend([
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(signs),
        Attribute::Decrypt(encrypts),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
    ]);
    if !plan.algorithm.is_asymmetric() {
        template.extend([
            Attribute::Encrypt(encrypts),
            Attribute::Verify(false),
            Attribute::Wrap(false),
            Attribute::ValueLen(32.into()),
        ]);
    }
    if plan.dialect.allowed_mechanisms {
        template.push(Attribute::AllowedMechanisms(vec![plan.mechanism]));
    }
    template
}

/// The template of a public key.
pub(crate) fn public(plan: &Plan) -> Vec<Attribute> {
    let mut template = common(plan);
    template.extend([
        Attribute::Private(false),
        Attribute::Verify(plan.purpose == Purpose::Sign),
        Attribute::Encrypt(plan.purpose == Purpose::Encrypt),
        Attribute::Wrap(false),
    ]);
    if plan.algorithm == Algorithm::Rsa3072 {
        template.push(Attribute::ModulusBits(u64::from(plan.modulus_bits).into()));
        template.push(Attribute::PublicExponent(vec![1, 0, 1]));
    } else {
        template.push(Attribute::EcParams(ec_params(plan)));
    }
    template
}

fn common(plan: &Plan) -> Vec<Attribute> {
    vec![
        Attribute::Token(plan.permanent),
        Attribute::Id(plan.uid.0.to_vec()),
        Attribute::Label(format!("{LABEL_PREFIX}{}", plan.uid).into_bytes()),
    ]
}

/// CKA_EC_PARAMS. The encodings are constants that cannot fail; an empty one would be refused by the token.
fn ec_params(plan: &Plan) -> Vec<u8> {
    let encoded = match public_key::curve(plan.algorithm) {
        Some(curve) => curve.to_der(),
        None if plan.dialect.edwards_by_name => {
            PrintableStringRef::new("edwards25519").and_then(|name| name.to_der())
        }
        None => public_key::ED25519.to_der(),
    };
    encoded.unwrap_or_default()
}
