//! Making keys, and checking that the token made what was asked.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::Session;
use hufu_core::algorithm::{Algorithm, Form};
use hufu_core::backend::BackendError;

use crate::attributes::{self, Plan};
use crate::fault::Fault;
use crate::mechanism::{is_vendors, vendors};

/// A key made on the token.
pub(crate) struct Made {
    pub(crate) key: ObjectHandle,
    pub(crate) public: Option<ObjectHandle>,
}

/// Makes a key. One that is not sensitive and never extractable is deleted again.
pub(crate) fn make(session: &Session, plan: &Plan) -> Result<Made, Fault> {
    let private = attributes::private(plan);
    let made = match (plan.algorithm.entry().form, plan.algorithm) {
        (Form::Secret(_), _) if is_vendors(plan.generate) => secret(session, &vendors(plan.generate), &private)?,
        (_, _) if is_vendors(plan.generate) => pair(session, &vendors(plan.generate), plan, &private)?,
        (Form::Secret(_), Algorithm::Aes128Gcm | Algorithm::Aes256Gcm) => {
            secret(session, &Mechanism::AesKeyGen, &private)?
        }
        (Form::Secret(_), _) => secret(session, &Mechanism::GenericSecretKeyGen, &private)?,
        (Form::Rsa(_), _) => pair(session, &Mechanism::RsaPkcsKeyPairGen, plan, &private)?,
        (Form::Pair, Algorithm::Ed25519) => pair(session, &Mechanism::EccEdwardsKeyPairGen, plan, &private)?,
        (Form::Pair, Algorithm::X25519) => pair(session, &Mechanism::EccMontgomeryKeyPairGen, plan, &private)?,
        (Form::Pair, Algorithm::MlDsa44 | Algorithm::MlDsa65 | Algorithm::MlDsa87) => {
            pair(session, &Mechanism::MlDsaKeyPairGen, plan, &private)?
        }
        (Form::Pair, Algorithm::MlKem768) => pair(session, &Mechanism::MlKemKeyPairGen, plan, &private)?,
        (Form::Pair, _) => pair(session, &Mechanism::EccKeyPairGen, plan, &private)?,
    };
    match check_protected(session, made.key) {
        Ok(()) => Ok(made),
        Err(fault) => {
            remove(session, &made)?;
            Err(fault)
        }
    }
}

/// Deletes both halves.
pub(crate) fn remove(session: &Session, made: &Made) -> Result<(), Fault> {
    session.destroy_object(made.key)?;
    if let Some(public) = made.public {
        session.destroy_object(public)?;
    }
    Ok(())
}

fn secret(session: &Session, mechanism: &Mechanism<'_>, template: &[Attribute]) -> Result<Made, Fault> {
    Ok(Made { key: session.generate_key(mechanism, template)?, public: None })
}

fn pair(session: &Session, mechanism: &Mechanism<'_>, plan: &Plan, private: &[Attribute]) -> Result<Made, Fault> {
    let (public, key) = session.generate_key_pair(mechanism, &attributes::public(plan), private)?;
    Ok(Made { key, public: Some(public) })
}

/// Reads back what protects the key. An attribute that the token does not show is one that does not hold.
fn check_protected(session: &Session, key: ObjectHandle) -> Result<(), Fault> {
    let wanted = [
        AttributeType::Sensitive,
        AttributeType::Extractable,
        AttributeType::AlwaysSensitive,
        AttributeType::NeverExtractable,
    ];
    let shown = session.get_attributes(key, &wanted)?;
    let expected = [
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::AlwaysSensitive(true),
        Attribute::NeverExtractable(true),
    ];
    if expected.iter().all(|attribute| shown.contains(attribute)) {
        return Ok(());
    }
    Err(BackendError::Failed("the token made a key that is not sensitive and never extractable".to_owned()).into())
}
