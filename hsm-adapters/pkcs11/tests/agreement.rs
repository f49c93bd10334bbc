//! A key that agrees, as another program with the same PIN sees it: one mechanism, and nothing that tells of the key itself.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod support;

use std::sync::Arc;

use cryptoki::context::Pkcs11;
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::mechanism::misc::{ExtractParams, KeyDerivationStringData};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{BackendError, KeyBackend, KeyHandle, Operation, Outcome, SignInput, Template};
use support::{MODULE, soon, token, uid, with_softhsm};

async fn generate(backend: &dyn KeyBackend, algorithm: Algorithm) -> KeyHandle {
    let template = Template {
        uid: uid(),
        algorithm,
        purpose: Purpose::Agree,
        scheme: Scheme::Ecdh,
        binding: Arc::from([]),
        wrapping_key: None,
        exit: hufu_core::record::Exit::Never,
    };
    let Ok(Outcome::Generated(made)) = backend.perform(Operation::Generate(&template), soon()).await else {
        panic!("a key is generated");
    };
    KeyHandle {
        uid: template.uid,
        algorithm,
        scheme: template.scheme,
        locator: made.locator,
        binding: template.binding,
        public_key: made.public_key.map(Arc::from),
        distinguishing_id: None,
    }
}

/// A session of another program: the login is the backend's.
fn session() -> Session {
    let context = Pkcs11::new(MODULE).unwrap();
    let slot = context.get_slots_with_initialized_token().unwrap()[0];
    context.open_rw_session(slot).unwrap()
}

fn private(session: &Session, key: &KeyHandle) -> ObjectHandle {
    let wanted = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(key.uid.0.to_vec())];
    session.find_objects(&wanted).unwrap()[0]
}

#[test]
fn the_token_lets_it_derive_and_nothing_else() {
    with_softhsm("the_token_lets_it_derive_and_nothing_else", async {
        let backend = token();
        let key = generate(&backend, Algorithm::P256).await;
        let session = session();
        let object = private(&session, &key);
        let types = [
            AttributeType::Derive,
            AttributeType::Sign,
            AttributeType::Decrypt,
            AttributeType::Unwrap,
            AttributeType::Sensitive,
            AttributeType::Extractable,
            AttributeType::NeverExtractable,
            AttributeType::AllowedMechanisms,
        ];
        let expected = [
            Attribute::Derive(true),
            Attribute::Sign(false),
            Attribute::Decrypt(false),
            Attribute::Unwrap(false),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::NeverExtractable(true),
            Attribute::AllowedMechanisms(vec![MechanismType::ECDH1_DERIVE]),
        ];
        let shown = session.get_attributes(object, &types).unwrap();
        for attribute in &expected {
            assert!(shown.contains(attribute), "{attribute:?}: {shown:?}");
        }
        assert!(session.sign(&Mechanism::Ecdsa, object, &[7; 32]).is_err(), "it signs");
        let answer = backend.perform(Operation::Sign(&key, SignInput::Message(b"x")), soon()).await;
        assert!(matches!(answer, Err(BackendError::InvalidInput(_))), "{answer:?}");
        let base = KeyDerivationStringData::new(&[7; 8]);
        for mechanism in [
            Mechanism::ConcatenateBaseAndData(base),
            Mechanism::ConcatenateDataAndBase(base),
            Mechanism::XorBaseAndData(base),
            Mechanism::ExtractKeyFromKey(ExtractParams::new(0)),
        ] {
            let derived = session.derive_key(&mechanism, object, &[Attribute::Extractable(true)]);
            assert!(derived.is_err(), "{mechanism:?} takes it apart");
        }
        let wrapping = [
            Attribute::Token(false),
            Attribute::Wrap(true),
            Attribute::Sensitive(false),
            Attribute::Extractable(true),
            Attribute::ValueLen(32.into()),
        ];
        let wrapping = session.generate_key(&Mechanism::AesKeyGen, &wrapping).unwrap();
        assert!(session.wrap_key(&Mechanism::AesKeyWrap, wrapping, object).is_err(), "it leaves");
    });
}

/// What it derives is for the caller that asked: nothing is left on the token, whatever the peer was.
#[test]
fn no_secret_stays_on_the_token() {
    with_softhsm("no_secret_stays_on_the_token", async {
        let backend = token();
        let (key, peer) = (generate(&backend, Algorithm::P384).await, generate(&backend, Algorithm::P384).await);
        let session = session();
        let secrets = || session.find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY)]).unwrap().len();
        assert_eq!(secrets(), 0);
        for _ in 0..20 {
            let peer = peer.public_key.as_deref().unwrap();
            let agreed = backend.perform(Operation::Agree(&key, peer), soon()).await;
            assert!(matches!(agreed, Ok(Outcome::Plaintext(_))), "{agreed:?}");
            let refused = backend.perform(Operation::Agree(&key, &peer[..peer.len() - 1]), soon()).await;
            assert!(matches!(refused, Err(BackendError::InvalidInput(_))), "{refused:?}");
        }
        assert_eq!(secrets(), 0);
    });
}

/// The attack on CKM_ECDH1_DERIVE by whoever has the PIN: a secret cut to a byte can be guessed. It gains nothing here: the token
/// gives the whole secret to the PIN as well, and never the private key. That points off the curve, which would give that
/// away, come no further than the adapter is what the suite of the seam checks; here, what the token itself says of one.
#[test]
fn what_a_thief_of_the_pin_can_derive() {
    with_softhsm("what_a_thief_of_the_pin_can_derive", async {
        let backend = token();
        let (key, peer) = (generate(&backend, Algorithm::P256).await, generate(&backend, Algorithm::P256).await);
        let session = session();
        let object = private(&session, &key);
        let mut point = peer.public_key.as_deref().unwrap()[26..].to_vec();
        let derive = |point: &[u8]| {
            let template = [
                Attribute::Class(ObjectClass::SECRET_KEY),
                Attribute::KeyType(KeyType::GENERIC_SECRET),
                Attribute::Token(false),
                Attribute::Sensitive(false),
                Attribute::Extractable(true),
                Attribute::ValueLen(32.into()),
            ];
            let mechanism = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(EcKdf::null(), point));
            session.derive_key(&mechanism, object, &template)
        };
        assert!(derive(&point).is_ok());
        *point.last_mut().unwrap() ^= 1;
        println!("the token itself, asked with a point off the curve: {:?}", derive(&point));
    });
}
