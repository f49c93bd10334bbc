//! Keys for trials by PKCS#11 itself.

use std::cell::RefCell;

use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki::session::Session;

/// OBJECT IDENTIFIER of P-256, DER (RFC 5480 §2.1.1.1).
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// What made keys are labelled with, as all objects of Hufu begin.
const LABEL: &[u8] = b"hufu-assessment";

/// A session, and what was made in it. Everything is deleted when it is dropped.
pub(crate) struct Scratch {
    pub(crate) session: Session,
    made: RefCell<Vec<ObjectHandle>>,
}

impl Scratch {
    pub(crate) fn new(session: Session) -> Self {
        Self { session, made: RefCell::default() }
    }

    /// A P-256 pair; answers the private half. A token that has no session objects makes it as a token object.
    pub(crate) fn pair(&self, private: &[Attribute]) -> Result<ObjectHandle, Error> {
        self.either(|token| {
            let public = [token.clone(), label(), Attribute::EcParams(P256.to_vec()), Attribute::Private(false)];
            let private = [&[token, label(), Attribute::Private(true)], private].concat();
            let (public, private) = self.session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?;
            self.keep(public);
            Ok(private)
        })
    }

    /// An AES key of 256 bits.
    pub(crate) fn aes(&self, template: &[Attribute]) -> Result<ObjectHandle, Error> {
        self.either(|token| {
            let common = [token, label(), Attribute::Private(true), Attribute::ValueLen(32.into())];
            self.session.generate_key(&Mechanism::AesKeyGen, &[&common, template].concat())
        })
    }

    /// Remembers another object that came to be.
    pub(crate) fn keep(&self, object: ObjectHandle) {
        self.made.borrow_mut().push(object);
    }

    fn either(&self, make: impl Fn(Attribute) -> Result<ObjectHandle, Error>) -> Result<ObjectHandle, Error> {
        let made = make(Attribute::Token(false)).or_else(|_| make(Attribute::Token(true)))?;
        self.keep(made);
        Ok(made)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for object in self.made.borrow().iter() {
            // Session objects go with the session in any case.
            let _ = self.session.destroy_object(*object);
        }
    }
}

fn label() -> Attribute {
    Attribute::Label(LABEL.to_vec())
}
