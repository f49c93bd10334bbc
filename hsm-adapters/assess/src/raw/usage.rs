//! A key does what its template allows, and nothing else.

use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, ObjectHandle};

use super::kept_secret::with;
use super::scratch::Scratch;
use super::{Found, describe, refused};

const DIGEST: [u8; 32] = [0x5a; 32];
const BLOCK: [u8; 16] = [0x5a; 16];

pub(super) fn sign_is_enforced(scratch: &Scratch) -> Found {
    let template =
        [Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::Sign(false), Attribute::Derive(true)];
    with(scratch.pair(&template), |key| {
        refused(scratch.session.sign(&Mechanism::Ecdsa, key, &DIGEST), "it signed all the same")
    })
}

pub(super) fn decrypt_is_enforced(scratch: &Scratch) -> Found {
    let template = [
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(false),
    ];
    with(scratch.aes(&template), |key| match encrypt(scratch, key) {
        Err(error) => Found::absent(&error),
        Ok(ciphertext) => {
            let decrypted = scratch.session.decrypt(&Mechanism::AesCbc(BLOCK), key, &ciphertext);
            refused(decrypted, "it decrypted all the same")
        }
    })
}

pub(super) fn allowed_mechanisms(scratch: &Scratch) -> Found {
    let template = |allowed| {
        [
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::AllowedMechanisms(vec![allowed]),
        ]
    };
    // A key for this very mechanism shows that the refusal below is for the list's sake.
    let right = with(scratch.aes(&template(MechanismType::AES_CBC)), |key| match encrypt(scratch, key) {
        Ok(_) => Found::holds(""),
        Err(error) => Found::absent(&error),
    });
    if right.0 != crate::report::Outcome::Holds {
        return right;
    }
    with(scratch.aes(&template(MechanismType::AES_GCM)), |key| {
        refused(encrypt(scratch, key), "a key for AES-GCM alone encrypted with AES-CBC")
    })
}

pub(super) fn always_authenticate(scratch: &Scratch) -> Found {
    let template = [
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::AlwaysAuthenticate(true),
    ];
    with(scratch.pair(&template), |key| match scratch.session.sign(&Mechanism::Ecdsa, key, &DIGEST) {
        Ok(_) => Found::fails("it signed without a second login"),
        Err(error) => Found::holds(format!("refused without a second login: {}", describe(&error))),
    })
}

fn encrypt(scratch: &Scratch, key: ObjectHandle) -> Result<Vec<u8>, cryptoki::error::Error> {
    scratch.session.encrypt(&Mechanism::AesCbc(BLOCK), key, &BLOCK)
}
