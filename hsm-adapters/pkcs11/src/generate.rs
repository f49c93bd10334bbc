//! Making keys, and checking that the token made what was asked.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::Session;
use hufu_core::algorithm::{Algorithm, Form};
use hufu_core::backend::BackendError;
use hufu_core::record::Exit;

use crate::attributes::{self, Plan};
use crate::fault::Fault;
use crate::public_key;

/// A key made on the token.
pub(crate) struct Made {
    pub(crate) key: ObjectHandle,
    pub(crate) public: Option<ObjectHandle>,
}

/// Makes a key. One that is not protected as the plan says is deleted again.
pub(crate) fn make(session: &Session, plan: &Plan) -> Result<Made, Fault> {
    let private = attributes::private(plan);
    let made = match (plan.algorithm.entry().form, plan.algorithm) {
        (Form::Secret(_), Algorithm::Aes128Gcm | Algorithm::Aes256Gcm) => {
            secret(session, &Mechanism::AesKeyGen, &private)?
        }
        (Form::Secret(_), _) => secret(session, &Mechanism::GenericSecretKeyGen, &private)?,
        (Form::Rsa(_), _) => pair(session, &Mechanism::RsaPkcsKeyPairGen, plan, &private)?,
        (Form::Pair, Algorithm::Ed25519) => pair(session, &Mechanism::EccEdwardsKeyPairGen, plan, &private)?,
        (Form::Pair, Algorithm::MlDsa44 | Algorithm::MlDsa65 | Algorithm::MlDsa87) => {
            pair(session, &Mechanism::MlDsaKeyPairGen, plan, &private)?
        }
        (Form::Pair, Algorithm::MlKem768) => pair(session, &Mechanism::MlKemKeyPairGen, plan, &private)?,
        (Form::Pair, _) => pair(session, &Mechanism::EccKeyPairGen, plan, &private)?,
    };
    match check_protected(session, made.key, plan.exit) {
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

/// SubjectPublicKeyInfo of a pair.
pub(crate) fn public_key(session: &Session, made: &Made, algorithm: Algorithm) -> Result<Option<Vec<u8>>, Fault> {
    made.public.map(|public| public_key::read(session, public, algorithm)).transpose()
}

fn secret(session: &Session, mechanism: &Mechanism<'_>, template: &[Attribute]) -> Result<Made, Fault> {
    Ok(Made { key: session.generate_key(mechanism, template)?, public: None })
}

fn pair(session: &Session, mechanism: &Mechanism<'_>, plan: &Plan, private: &[Attribute]) -> Result<Made, Fault> {
    let (public, key) = session.generate_key_pair(mechanism, &attributes::public(plan), private)?;
    Ok(Made { key, public: Some(public) })
}

/// Reads back what protects a key that was made here.
fn check_protected(session: &Session, key: ObjectHandle, exit: Exit) -> Result<(), Fault> {
    let mut expected = vec![Attribute::AlwaysSensitive(true), Attribute::NeverExtractable(exit == Exit::Never)];
    expected.extend(protection(exit));
    check(session, key, &expected)
}

/// Reads back what protects a key that arrived: where it was before, the token cannot know.
pub(crate) fn check_arrived(session: &Session, key: ObjectHandle, plan: &Plan) -> Result<(), Fault> {
    check(session, key, &protection(plan.exit))
}

fn protection(exit: Exit) -> Vec<Attribute> {
    let mut expected = vec![Attribute::Sensitive(true), Attribute::Extractable(exit != Exit::Never)];
    if exit == Exit::Replicable {
        expected.push(Attribute::WrapWithTrusted(true));
    }
    expected
}

/// An attribute that the token does not show is one that does not hold.
fn check(session: &Session, key: ObjectHandle, expected: &[Attribute]) -> Result<(), Fault> {
    let wanted: Vec<AttributeType> = expected.iter().map(Attribute::attribute_type).collect();
    let shown = session.get_attributes(key, &wanted)?;
    if expected.iter().all(|attribute| shown.contains(attribute)) {
        return Ok(());
    }
    Err(BackendError::Failed("the token made a key that is not protected as it was asked to be".to_owned()).into())
}
