//! Attribute templates of new keys: one purpose, sensitive, and extractable only where the plan says so.

use cryptoki::mechanism::MechanismType;
use cryptoki::object::{Attribute, KeyType, MlDsaParameterSetType, MlKemParameterSetType, ObjectClass};
use der::Encode;
use der::asn1::PrintableStringRef;
use hufu_core::algorithm::{Algorithm, Form, Purpose};
use hufu_core::record::{Exit, VersionUid};

use crate::public_key;
use crate::vendor::{EcPoint, Quirks};

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
    /// Length of an RSA modulus in bits; 0 for other keys.
    pub(crate) modulus_bits: u32,
    pub(crate) dialect: Dialect,
    /// The mechanism that makes it.
    pub(crate) generate: MechanismType,
    /// The only mechanism that the key shall work with, where the token can enforce it.
    pub(crate) mechanism: MechanismType,
    /// Whether the material may ever leave.
    pub(crate) exit: Exit,
}

/// How this token wants to be asked: what its vendor profile knows, and what was found by trial.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Dialect {
    /// It takes CKA_ALLOWED_MECHANISMS.
    pub(crate) allowed_mechanisms: bool,
    /// It names the Edwards or Montgomery curve by a string, as PKCS #11 v3.0 §2.3.10 allows, not by an object identifier.
    pub(crate) edwards_by_name: bool,
    /// It wants no word about the uses of a public key.
    pub(crate) no_public_uses: bool,
    /// How it shows points.
    pub(crate) ec_point: EcPoint,
}

/// Every dialect that a vendor's quirks leave, the strictest first.
pub(crate) fn dialects(quirks: Quirks, ec_point: EcPoint) -> impl Iterator<Item = Dialect> {
    let no_public_uses = quirks.no_public_uses;
    let all = [(true, false), (true, true), (false, false), (false, true)];
    all.into_iter().filter(move |(allowed_mechanisms, _)| !*allowed_mechanisms || !quirks.no_allowed_mechanisms).map(
        move |(allowed_mechanisms, edwards_by_name)| Dialect {
            allowed_mechanisms,
            edwards_by_name,
            no_public_uses,
            ec_point,
        },
    )
}

/// The template of a private or secret key.
pub(crate) fn private(plan: &Plan) -> Vec<Attribute> {
    let signs = matches!(plan.purpose, Purpose::Sign | Purpose::Mac);
    let encrypts = plan.purpose == Purpose::Encrypt;
    let mut template = common(plan);
    template.extend([
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(plan.exit != Exit::Never),
        Attribute::Sign(signs),
        Attribute::Decrypt(encrypts),
        Attribute::Unwrap(plan.purpose == Purpose::Import),
        Attribute::Derive(plan.purpose == Purpose::Agree),
    ]);
    if plan.exit == Exit::Replicable {
        template.push(Attribute::WrapWithTrusted(true));
    }
    if let Form::Secret(len) = plan.algorithm.entry().form {
        template.extend([
            Attribute::Encrypt(encrypts),
            Attribute::Verify(false),
            Attribute::Wrap(false),
            // No secret of ours is longer than 48 bytes.
            Attribute::ValueLen(u64::try_from(len).unwrap_or(0).into()),
        ]);
    }
    // The attribute is new in PKCS #11 v3.2: tokens that know no such purpose are not asked for it.
    if plan.purpose == Purpose::Encapsulate {
        template.push(Attribute::Decapsulate(true));
    }
    if plan.dialect.allowed_mechanisms {
        template.push(Attribute::AllowedMechanisms(vec![plan.mechanism]));
    }
    template
}

/// The template of a public key.
pub(crate) fn public(plan: &Plan) -> Vec<Attribute> {
    let mut template = common(plan);
    template.push(Attribute::Private(false));
    if !plan.dialect.no_public_uses {
        template.extend([
            Attribute::Verify(plan.purpose == Purpose::Sign),
            Attribute::Encrypt(plan.purpose == Purpose::Encrypt),
            Attribute::Wrap(false),
        ]);
    }
    if plan.purpose == Purpose::Encapsulate {
        template.push(Attribute::Encapsulate(true));
    }
    template.extend(kind(plan));
    template
}

/// The template of a shared secret of so many bytes that is to be read and deleted at once.
pub(crate) fn agreed_secret(len: usize) -> Vec<Attribute> {
    let mut template = shared_secret().to_vec();
    // No field is longer than 48 bytes. Without the length some tokens know not how much to keep.
    template.push(Attribute::ValueLen(u64::try_from(len).unwrap_or(0).into()));
    template
}

/// The template of a private or secret key that arrives wrapped: its length is its own.
pub(crate) fn arrived(plan: &Plan) -> Vec<Attribute> {
    let class = if plan.algorithm.is_asymmetric() { ObjectClass::PRIVATE_KEY } else { ObjectClass::SECRET_KEY };
    let mut template = vec![Attribute::Class(class), Attribute::KeyType(key_type(plan.algorithm))];
    template.extend(private(plan).into_iter().filter(|attribute| !matches!(attribute, Attribute::ValueLen(_))));
    template
}

/// The template of a public key object made of what a SubjectPublicKeyInfo holds.
pub(crate) fn public_object(plan: &Plan, parts: Vec<Attribute>) -> Vec<Attribute> {
    let class = [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::KeyType(key_type(plan.algorithm))];
    // Of a modulus its length is not told twice.
    let generated = public(plan)
        .into_iter()
        .filter(|attribute| !matches!(attribute, Attribute::ModulusBits(_) | Attribute::PublicExponent(_)));
    class.into_iter().chain(generated).chain(parts).collect()
}

fn key_type(algorithm: Algorithm) -> KeyType {
    match algorithm {
        Algorithm::Aes128Gcm | Algorithm::Aes256Gcm => KeyType::AES,
        Algorithm::Ed25519 => KeyType::EC_EDWARDS,
        Algorithm::X25519 => KeyType::EC_MONTGOMERY,
        Algorithm::MlDsa44 | Algorithm::MlDsa65 | Algorithm::MlDsa87 => KeyType::ML_DSA,
        Algorithm::MlKem768 => KeyType::ML_KEM,
        _ if algorithm.modulus_len().is_some() => KeyType::RSA,
        _ if algorithm.is_asymmetric() => KeyType::EC,
        _ => KeyType::GENERIC_SECRET,
    }
}

/// The template of a shared secret that is to be read and deleted at once.
pub(crate) fn shared_secret() -> [Attribute; 5] {
    [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::Token(false),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
    ]
}

/// What kind of pair it is: modulus, curve or parameter set.
fn kind(plan: &Plan) -> Vec<Attribute> {
    let ml_dsa = |set: MlDsaParameterSetType| vec![Attribute::ParameterSet(set.into())];
    match plan.algorithm {
        Algorithm::MlDsa44 => ml_dsa(MlDsaParameterSetType::ML_DSA_44),
        Algorithm::MlDsa65 => ml_dsa(MlDsaParameterSetType::ML_DSA_65),
        Algorithm::MlDsa87 => ml_dsa(MlDsaParameterSetType::ML_DSA_87),
        Algorithm::MlKem768 => vec![Attribute::ParameterSet(MlKemParameterSetType::ML_KEM_768.into())],
        algorithm if algorithm.modulus_len().is_some() => vec![
            Attribute::ModulusBits(u64::from(plan.modulus_bits).into()),
            Attribute::PublicExponent(vec![1, 0, 1]),
        ],
        _ => vec![Attribute::EcParams(ec_params(plan))],
    }
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
    let (name, oid) = match plan.algorithm {
        Algorithm::X25519 => ("curve25519", public_key::X25519),
        _ => ("edwards25519", public_key::ED25519),
    };
    let encoded = match public_key::curve(plan.algorithm) {
        Some(curve) => curve.to_der(),
        None if plan.dialect.edwards_by_name => PrintableStringRef::new(name).and_then(|name| name.to_der()),
        None => oid.to_der(),
    };
    encoded.unwrap_or_default()
}
