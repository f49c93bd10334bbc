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
    /// Whether keys are token objects, for a token that makes no others. Only then: some tokens leave half of a token object behind
    /// when they refuse to make it.
    permanent: bool,
    made: RefCell<Vec<ObjectHandle>>,
}

impl Scratch {
    /// Finds out whether the token makes session objects.
    pub(crate) fn new(session: Session) -> Self {
        let mut scratch = Self { session, permanent: false, made: RefCell::default() };
        let plain = [Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::Sign(true)];
        scratch.permanent = scratch.pair(&plain).is_err();
        scratch
    }

    /// A P-256 pair; answers the private half.
    pub(crate) fn pair(&self, private: &[Attribute]) -> Result<ObjectHandle, Error> {
        let token = Attribute::Token(self.permanent);
        let public = [token.clone(), label(), Attribute::EcParams(P256.to_vec()), Attribute::Private(false)];
        let private = [&[token, label(), Attribute::Private(true)], private].concat();
        let (public, private) = self.session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?;
        self.keep(public);
        self.keep(private);
        Ok(private)
    }

    /// An AES key of 256 bits.
    pub(crate) fn aes(&self, template: &[Attribute]) -> Result<ObjectHandle, Error> {
        let token = Attribute::Token(self.permanent);
        let common = [token, label(), Attribute::Private(true), Attribute::ValueLen(32.into())];
        let key = self.session.generate_key(&Mechanism::AesKeyGen, &[&common, template].concat())?;
        self.keep(key);
        Ok(key)
    }

    /// Remembers another object that came to be.
    pub(crate) fn keep(&self, object: ObjectHandle) {
        self.made.borrow_mut().push(object);
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
