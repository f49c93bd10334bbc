//! The published attacks on PKCS#11 tokens, tried by someone who has the PIN of the user, on the objects that the backend made.
//!
//! What must hold is asserted. What the token does not enforce is printed with `not enforced:`: it is what the PIN is worth, and
//! `docs/operations/keys-in-and-out.md` tells it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod support;

use std::sync::Arc;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::backend::{Arrival, BackendError, KeyBackend, KeyHandle, Operation, Outcome, Template, Wrapping};
use hufu_core::record::Exit;
use hufu_pkcs11::Pkcs11Backend;
use hufu_transport::{Hash, Receiver};
use support::{MODULE, assert_signs, config, provision, secret, soon, uid, with_softhsm};

const P256: &[u8] = include_bytes!("../../../conformance/data/p256.der");
const P256_PUBLIC: &[u8] = include_bytes!("../../../conformance/data/p256.pub.der");

/// A backend with a key of each kind, and someone beside it who has the PIN.
struct Scene {
    backend: Pkcs11Backend,
    import: KeyHandle,
    keys: Vec<KeyHandle>,
    session: Session,
}

impl Scene {
    async fn new() -> Self {
        let backend = Pkcs11Backend::open(config(&provision())).unwrap();
        let import = make(&backend, Algorithm::Rsa3072, Purpose::Import, Scheme::RsaAesKwpSha1).await;
        let mut keys = vec![
            make(&backend, Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256).await,
            make(&backend, Algorithm::Aes256Gcm, Purpose::Encrypt, Scheme::AesGcm).await,
            make(&backend, Algorithm::HmacSha256, Purpose::Mac, Scheme::HmacSha256).await,
        ];
        keys.push(bring_in(&backend, &import, &sealed(&import, P256)).await.unwrap());
        let context = Pkcs11::new(MODULE).unwrap();
        // The backend has initialised the module for the whole process.
        let _ = context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
        let slot = context.get_slots_with_initialized_token().unwrap()[0];
        let session = context.open_rw_session(slot).unwrap();
        Self { backend, import, keys, session }
    }

    /// The private or secret object of each key, the import key's the last.
    fn objects(&self) -> Vec<(String, ObjectHandle)> {
        let of = |key: &KeyHandle| {
            let found = self.session.find_objects(&[Attribute::Id(key.uid.0.to_vec()), Attribute::Private(true)]);
            (key.algorithm.to_string(), found.unwrap()[0])
        };
        self.keys.iter().chain([&self.import]).map(of).collect()
    }

    /// A key of the attacker's own making, with every use there is.
    fn own_key(&self, value: [u8; 32]) -> ObjectHandle {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Token(false),
            Attribute::Sensitive(false),
            Attribute::Extractable(true),
            Attribute::Wrap(true),
            Attribute::Unwrap(true),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Value(value.to_vec()),
        ];
        self.session.create_object(&template).unwrap()
    }

    fn wraps(&self, mechanism: &Mechanism<'_>, by: ObjectHandle, key: ObjectHandle) -> bool {
        self.session.wrap_key(mechanism, by, key).is_ok()
    }
}

async fn make(backend: &dyn KeyBackend, algorithm: Algorithm, purpose: Purpose, scheme: Scheme) -> KeyHandle {
    let template = template(algorithm, purpose, scheme);
    let made = backend.perform(Operation::Generate(&template), soon()).await.unwrap();
    handle(&template, made)
}

fn template(algorithm: Algorithm, purpose: Purpose, scheme: Scheme) -> Template {
    let (binding, exit) = (Arc::from([]), Exit::Never);
    Template { uid: uid(), algorithm, purpose, scheme, binding, wrapping_key: None, exit }
}

fn handle(template: &Template, made: Outcome) -> KeyHandle {
    let Outcome::Generated(made) = made else { unreachable!("a key") };
    KeyHandle {
        uid: template.uid,
        algorithm: template.algorithm,
        scheme: template.scheme,
        locator: made.locator,
        binding: Arc::from([]),
        public_key: made.public_key.map(Arc::from),
        distinguishing_id: None,
    }
}

fn sealed(import: &KeyHandle, material: &[u8]) -> Vec<u8> {
    let receiver = Receiver::parse(import.public_key.as_deref().unwrap()).unwrap();
    receiver.seal(Hash::Sha1, &secret(&[7; 32]), &secret(material)).unwrap()
}

async fn bring_in(backend: &dyn KeyBackend, import: &KeyHandle, wrapped: &[u8]) -> Result<KeyHandle, BackendError> {
    let template = template(Algorithm::P256, Purpose::Sign, Scheme::EcdsaSha256);
    let arrival = Arrival { by: Wrapping::Key(import), wrapped, public_key: Some(P256_PUBLIC) };
    let made = backend.perform(Operation::Unwrap(&template, arrival), soon()).await?;
    Ok(handle(&template, made))
}

fn oaep() -> Mechanism<'static> {
    let params = PkcsOaepParams::new(MechanismType::SHA1, PkcsMgfType::MGF1_SHA1, PkcsOaepSource::empty());
    Mechanism::RsaPkcsOaep(params)
}

/// Clulow 2003, §3.2, wrap and decrypt; Bortolozzo et al. 2010 (Tookan), a1: whoever may make a key that wraps and decrypts reads
/// every key that he can wrap. Here no key can be wrapped: none is extractable, the imported one and the import key included.
#[test]
fn clulow_2003_wrap_and_decrypt() {
    with_softhsm("clulow_2003_wrap_and_decrypt", async {
        let scene = Scene::new().await;
        let own = scene.own_key([1; 32]);
        for (name, object) in scene.objects() {
            for mechanism in [Mechanism::AesKeyWrap, Mechanism::AesKeyWrapPad] {
                assert!(!scene.wraps(&mechanism, own, object), "{name} is wrapped");
            }
        }
        assert_signs(&scene.backend, &scene.keys[3]).await;
    });
}

/// Bortolozzo et al. 2010, a3: the value is simply read, or becomes readable by an attribute. Delaune, Kremer and Steel 2008:
/// attributes that exclude each other, set one after the other.
#[test]
fn delaune_kremer_steel_2008_set_and_unset_attributes() {
    with_softhsm("delaune_kremer_steel_2008_set_and_unset_attributes", async {
        let scene = Scene::new().await;
        let own = scene.own_key([1; 32]);
        for (name, object) in scene.objects() {
            for lax in [Attribute::Sensitive(false), Attribute::Extractable(true)] {
                assert!(
                    scene.session.update_attributes(object, std::slice::from_ref(&lax)).is_err(),
                    "{name}: {lax:?}"
                );
            }
            for other in [
                Attribute::Decrypt(true),
                Attribute::Unwrap(true),
                Attribute::Wrap(true),
                Attribute::Derive(true),
                Attribute::Trusted(true),
            ] {
                if scene.session.update_attributes(object, std::slice::from_ref(&other)).is_ok() {
                    println!("not enforced: the PIN of the user sets {other:?} on a key of {name}");
                }
            }
            // Whatever it may do now, its value does not come out, and it takes none of the others out.
            let shown = scene.session.get_attributes(object, &[AttributeType::Value, AttributeType::PrivateExponent]);
            assert!(shown.unwrap().is_empty(), "{name} shows its value");
            assert!(!scene.wraps(&Mechanism::AesKeyWrapPad, own, object), "{name} is wrapped");
            for (other, target) in scene.objects() {
                for mechanism in [Mechanism::AesKeyWrapPad, oaep()] {
                    assert!(!scene.wraps(&mechanism, object, target), "{name} wraps {other}");
                }
            }
        }
    });
}

/// Bortolozzo et al. 2010, a5, and the attack on C_CopyObject: a copy with other attributes.
#[test]
fn bortolozzo_2010_copies_with_other_attributes() {
    with_softhsm("bortolozzo_2010_copies_with_other_attributes", async {
        let scene = Scene::new().await;
        let own = scene.own_key([1; 32]);
        for (name, object) in scene.objects() {
            for lax in [Attribute::Sensitive(false), Attribute::Extractable(true)] {
                let copied = scene.session.copy_object(object, &[Attribute::Token(false), lax.clone()]);
                assert!(copied.is_err(), "{name}: a copy with {lax:?}");
            }
            if let Ok(copy) = scene.session.copy_object(object, &[Attribute::Token(false)]) {
                println!("not enforced: the PIN of the user copies a key of {name}, as protected as it is");
                assert!(!scene.wraps(&Mechanism::AesKeyWrapPad, own, copy), "a copy of {name} is wrapped");
            }
        }
    });
}

/// Bortolozzo et al. 2010, a4, and Clulow 2003 on trusted keys: a wrapping key that claims to be trusted.
#[test]
fn bortolozzo_2010_a_key_that_claims_to_be_trusted() {
    with_softhsm("bortolozzo_2010_a_key_that_claims_to_be_trusted", async {
        let scene = Scene::new().await;
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Token(false),
            Attribute::Wrap(true),
            Attribute::Trusted(true),
            Attribute::Value(vec![2; 32]),
        ];
        match scene.session.create_object(&template) {
            Err(_) => println!("enforced: the PIN of the user makes no trusted key"),
            Ok(trusted) => {
                println!("not enforced: the PIN of the user makes a trusted key");
                for (name, object) in scene.objects() {
                    assert!(!scene.wraps(&Mechanism::AesKeyWrapPad, trusted, object), "{name} is wrapped");
                }
            }
        }
    });
}

/// Clulow 2003, §3.3, unwrap and encrypt, and key conjuring: a key of known value comes in as if it were the service's. It may be an
/// object of the token, but no object is a version: a version is found by the identity and public key on record.
#[test]
fn clulow_2003_unwrap_and_encrypt() {
    with_softhsm("clulow_2003_unwrap_and_encrypt", async {
        let scene = Scene::new().await;
        let own = scene.own_key([1; 32]);
        let target = scene.own_key([3; 32]);
        let wrapped = scene.session.wrap_key(&Mechanism::AesKeyWrapPad, own, target).unwrap();
        // None of the service's keys but the import key unwraps, and that one only by RSA.
        for (name, object) in scene.objects() {
            let template = [
                Attribute::Class(ObjectClass::SECRET_KEY),
                Attribute::KeyType(KeyType::AES),
                Attribute::Token(false),
            ];
            let conjured = scene.session.unwrap_key(&Mechanism::AesKeyWrapPad, object, &wrapped, &template);
            assert!(conjured.is_err(), "{name} unwraps");
        }
        // A second object of a version's identity is noticed: the version is not served until it is gone.
        let uid = scene.keys[2].uid;
        let twin = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sign(true),
            Attribute::Id(uid.0.to_vec()),
            Attribute::Value(vec![4; 32]),
        ];
        let twin = scene.session.create_object(&twin).unwrap();
        scene.backend.distrust();
        let answer = scene.backend.perform(Operation::Mac(&scene.keys[2], b"x"), soon()).await;
        assert!(matches!(answer, Err(BackendError::Missing(_))), "{answer:?}");
        scene.session.destroy_object(twin).unwrap();
    });
}

/// Delaune, Kremer and Steel 2008, re-import: what is on its way in is opened by somebody else first, with lax attributes. Whoever has
/// the PIN *and* what the sender sent can, while the import key lives: SoftHSM has no CKA_UNWRAP_TEMPLATE that reaches through
/// two steps. So the import key lives for one import, and nothing opens what was sent once it is gone.
#[test]
fn delaune_kremer_steel_2008_reimport_of_what_is_on_its_way() {
    with_softhsm("delaune_kremer_steel_2008_reimport_of_what_is_on_its_way", async {
        let scene = Scene::new().await;
        let wrapped = sealed(&scene.import, P256);
        let open = || {
            let private = scene.session.find_objects(&[
                Attribute::Id(scene.import.uid.0.to_vec()),
                Attribute::Class(ObjectClass::PRIVATE_KEY),
            ]);
            let private = *private.unwrap().first()?;
            let template = [
                Attribute::Class(ObjectClass::SECRET_KEY),
                Attribute::KeyType(KeyType::AES),
                Attribute::Token(false),
                Attribute::Sensitive(false),
                Attribute::Extractable(true),
            ];
            let kek = scene.session.unwrap_key(&oaep(), private, &wrapped[..384], &template).ok()?;
            Some(scene.session.get_attributes(kek, &[AttributeType::Value]).unwrap())
        };
        if open().is_some_and(|shown| shown == [Attribute::Value(vec![7; 32])]) {
            println!(
                "not enforced: the PIN of the user and what the sender sent open it, while its import key lives"
            );
        }
        let destroyed = scene.backend.perform(Operation::Destroy(scene.import.uid), soon()).await;
        assert!(matches!(destroyed, Ok(Outcome::Done)));
        assert_eq!(open(), None, "the import key is gone");
    });
}

/// The AES key in between is an object of the session for one call: none is left to unwrap anything else with.
#[test]
fn nothing_of_an_import_is_left_but_the_key() {
    with_softhsm("nothing_of_an_import_is_left_but_the_key", async {
        let scene = Scene::new().await;
        let of_sessions = || scene.session.find_objects(&[Attribute::Token(false)]).unwrap().len();
        assert_eq!(of_sessions(), 0, "after an import, and the trials at opening");
        let good = sealed(&scene.import, P256);
        for at in [0, 383, 384, good.len() - 1] {
            let mut spoilt = good.clone();
            spoilt[at] ^= 1;
            let answer = bring_in(&scene.backend, &scene.import, &spoilt).await;
            assert_eq!(answer.unwrap_err(), BackendError::Rejected, "one answer: byte {at}");
        }
        let stranger = sealed(&scene.import, include_bytes!("../../../conformance/data/secp256k1.der"));
        assert_eq!(bring_in(&scene.backend, &scene.import, &stranger).await.unwrap_err(), BackendError::Rejected);
        assert_eq!(of_sessions(), 0, "after imports that were rejected");
        let ours = scene.session.find_objects(&[Attribute::Token(true)]).unwrap().len();
        assert_eq!(ours, 2 + 1 + 1 + 2 + 2, "two pairs, two secrets, the import pair and nothing else");
    });
}

/// Bleichenbacher 1998, Manger 2001: what the token tells of a bad padding and of a bad wrap differs, or does not; what the backend
/// tells never does.
#[test]
fn bleichenbacher_1998_manger_2001_one_answer() {
    with_softhsm("bleichenbacher_1998_manger_2001_one_answer", async {
        let scene = Scene::new().await;
        let good = sealed(&scene.import, P256);
        let forged = |kek: Vec<u8>| [kek, good[384..].to_vec()].concat();
        let other =
            sealed(&make(&scene.backend, Algorithm::Rsa3072, Purpose::Import, Scheme::RsaAesKwpSha1).await, P256);
        for wrong in [
            forged(vec![0; 384]),
            forged(vec![0xff; 384]),
            forged([vec![0], vec![0x7f; 383]].concat()),
            forged(other[..384].to_vec()),
            other,
            [good[..384].to_vec(), vec![0; 152]].concat(),
        ] {
            let answer = bring_in(&scene.backend, &scene.import, &wrong).await;
            assert_eq!(answer.unwrap_err(), BackendError::Rejected);
        }
    });
}
