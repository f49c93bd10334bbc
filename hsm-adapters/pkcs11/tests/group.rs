//! Tokens that share a key: what moves between them, and what the PIN of the user must not get out of them.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends where it fails, and prints what it skips")]

mod support;

use std::path::Path;
use std::sync::Arc;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::Error;
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use hufu_core::algorithm::{Algorithm, Scheme, TABLE};
use hufu_core::backend::{
    Aead, Arrival, BackendError, KeyBackend, KeyHandle, Operation, Outcome, Template, Wrapping,
};
use hufu_core::record::Exit;
use hufu_pkcs11::{
    Config, GroupToken, OpenError, Pkcs11Backend, TokenSelector, find_or_init_token, install_group_key,
};
use support::{MODULE, OsRng, PIN, SO_PIN, assert_signs, secret, soon, uid, with_kryoptic, with_softhsm};

const GROUP: &str = "front";

/// A token of that label, made when it is not there.
fn token(label: &str) -> GroupToken {
    let serial = find_or_init_token(Path::new(MODULE), label, &secret(SO_PIN), &secret(PIN)).unwrap();
    GroupToken { module: MODULE.into(), token: TokenSelector::Serial(serial), so_pin: secret(SO_PIN) }
}

fn open(token: &GroupToken) -> Result<Pkcs11Backend, OpenError> {
    let config = Config::new(MODULE, token.token.clone(), secret(PIN));
    Pkcs11Backend::open(Config { group: Some(GROUP.to_owned()), ..config })
}

fn opened_pair() -> (Pkcs11Backend, Pkcs11Backend) {
    let tokens = [token("one"), token("two")];
    install_group_key(GROUP, &tokens, &OsRng, false).unwrap();
    (open(&tokens[0]).unwrap(), open(&tokens[1]).unwrap())
}

fn template(algorithm: Algorithm, scheme: Scheme) -> Template {
    let purpose = scheme.purpose();
    let exit = Exit::Replicable;
    Template { uid: uid(), algorithm, purpose, scheme, binding: Arc::from([]), wrapping_key: None, exit }
}

fn handle(template: &Template, outcome: Outcome) -> KeyHandle {
    let Outcome::Generated(made) = outcome else { unreachable!("a key") };
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

async fn wrapped(backend: &dyn KeyBackend, key: &KeyHandle) -> Vec<u8> {
    match backend.perform(Operation::Wrap(key, Wrapping::Group), soon()).await.unwrap() {
        Outcome::Bytes(bytes) => bytes,
        other => unreachable!("{other:?}"),
    }
}

async fn unwrapped(
    backend: &dyn KeyBackend,
    template: &Template,
    wrapped: &[u8],
    public_key: Option<&[u8]>,
) -> Result<Outcome, BackendError> {
    let arrival = Arrival { by: Wrapping::Group, wrapped, public_key };
    backend.perform(Operation::Unwrap(template, arrival), soon()).await
}

#[test]
fn every_row_moves_or_says_why_not() {
    with_softhsm("every_row_moves_or_says_why_not", async {
        let (one, two) = opened_pair();
        assert!(one.capabilities().allows(Exit::Replicable));
        for entry in TABLE {
            for (purpose, scheme) in entry.schemes {
                let row = (entry.algorithm, *purpose, *scheme);
                let template = template(row.0, row.2);
                let possible = one.capabilities().check_exit(row.0, row.1, row.2, Exit::Replicable);
                let made = one.perform(Operation::Generate(&template), soon()).await;
                if let Err(why) = possible {
                    println!("skipped: {} {purpose} {scheme}: {why}", row.0);
                    assert_eq!(made.unwrap_err(), BackendError::Unsupported(why));
                    continue;
                }
                let here = handle(&template, made.unwrap());
                let bytes = wrapped(&one, &here).await;
                let arrived = unwrapped(&two, &template, &bytes, here.public_key.as_deref()).await;
                let there = handle(&template, arrived.unwrap());
                assert_eq!(here.public_key, there.public_key);
                assert!(!one.holds(&there.locator) && two.holds(&there.locator));
                assert_eq!(bytes, wrapped(&two, &there).await, "it is the same material");
                match row.1 {
                    hufu_core::algorithm::Purpose::Sign => assert_signs(&two, &there).await,
                    hufu_core::algorithm::Purpose::Encrypt if !row.0.is_asymmetric() => {
                        assert_opens(&one, &here, &two, &there).await;
                    }
                    _ => {}
                }
                let again = unwrapped(&two, &template, &bytes, here.public_key.as_deref()).await;
                assert!(matches!(again, Err(BackendError::Failed(_))), "the identity is taken: {again:?}");
                println!("moved: {} {purpose} {scheme}", row.0);
            }
        }
        let moves = |a, p, s| one.capabilities().check_exit(a, p, s, Exit::Replicable);
        let sign = hufu_core::algorithm::Purpose::Sign;
        assert_eq!(moves(Algorithm::P256, sign, Scheme::EcdsaSha256), Ok(()));
        let why = moves(Algorithm::Ed25519, sign, Scheme::Ed25519).unwrap_err();
        assert!(why.contains("C_WrapKey: KeyNotWrappable"), "SoftHSM 2.6 wraps no Edwards keys: {why}");
    });
}

async fn assert_opens(one: &dyn KeyBackend, here: &KeyHandle, two: &dyn KeyBackend, there: &KeyHandle) {
    let aead = |data| Aead { nonce: &[7; 12], aad: b"aad", data };
    let Outcome::Bytes(sealed) = one.perform(Operation::Seal(here, aead(b"text")), soon()).await.unwrap() else {
        unreachable!("a ciphertext")
    };
    let text = two.perform(Operation::Open(there, aead(&sealed)), soon()).await.unwrap();
    assert!(matches!(text, Outcome::Plaintext(text) if text.expose() == b"text"));
}

#[test]
fn what_is_not_genuine_does_not_arrive() {
    with_softhsm("what_is_not_genuine_does_not_arrive", async {
        let (one, two) = opened_pair();
        let template = template(Algorithm::P256, Scheme::EcdsaSha256);
        let key = handle(&template, one.perform(Operation::Generate(&template), soon()).await.unwrap());
        let other = self::template(Algorithm::P256, Scheme::EcdsaSha256);
        let other = handle(&other, one.perform(Operation::Generate(&other), soon()).await.unwrap());
        let bytes = wrapped(&one, &key).await;
        let spki = key.public_key.as_deref();
        for at in [0, 9, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(unwrapped(&two, &template, &changed, spki).await.is_err(), "byte {at}");
        }
        let foreign = unwrapped(&two, &template, &bytes, other.public_key.as_deref()).await;
        assert_eq!(foreign.unwrap_err(), BackendError::Rejected, "the public key of another pair");
        let never = Template { exit: Exit::Never, ..template.clone() };
        assert!(matches!(unwrapped(&two, &never, &bytes, spki).await, Err(BackendError::InvalidInput(_))));
        let found = two.perform(Operation::Find(template.uid), soon()).await;
        assert!(matches!(found, Ok(Outcome::Found(false))), "nothing is left: {found:?}");
        let stays = Template { uid: uid(), ..never };
        let stays = handle(&stays, one.perform(Operation::Generate(&stays), soon()).await.unwrap());
        let refused = one.perform(Operation::Wrap(&stays, Wrapping::Group), soon()).await;
        assert!(refused.is_err(), "a key that stays is not wrapped: {refused:?}");
    });
}

/// What somebody can do who has the PIN of the user, the token and no Hufu in between.
#[test]
fn the_users_pin_gets_no_replicable_key_out() {
    with_softhsm("the_users_pin_gets_no_replicable_key_out", async {
        let (one, _two) = opened_pair();
        let template = template(Algorithm::P256, Scheme::EcdsaSha256);
        let key = handle(&template, one.perform(Operation::Generate(&template), soon()).await.unwrap());
        let session = user_session("one");
        let private = [Attribute::Id(key.uid.0.to_vec()), Attribute::Class(ObjectClass::PRIVATE_KEY)];
        let key = session.find_objects(&private).unwrap()[0];
        let group = session.find_objects(&[Attribute::Label(b"hufu-group-front".to_vec())]).unwrap()[0];
        Thief { session: &session, group, key }.try_everything();
    });
}

fn user_session(label: &str) -> Session {
    let context = Pkcs11::new(MODULE).unwrap();
    // The backend has done so.
    let _ = context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    let slots = context.get_slots_with_token().unwrap();
    let slot = slots.into_iter().find(|slot| context.get_token_info(*slot).unwrap().label() == label).unwrap();
    context.open_rw_session(slot).unwrap()
}

struct Thief<'a> {
    session: &'a Session,
    group: ObjectHandle,
    key: ObjectHandle,
}

impl Thief<'_> {
    fn try_everything(&self) {
        self.wrapping_keys_of_his_own();
        self.other_attributes();
        self.copies();
        self.the_group_key();
        self.arrivals_of_his_own();
    }

    fn wrapping_keys_of_his_own(&self) {
        let mine = [Attribute::ValueLen(32.into()), Attribute::Wrap(true), Attribute::Decrypt(true)];
        let aes = self.session.generate_key(&Mechanism::AesKeyGen, &mine).unwrap();
        for way in [Mechanism::AesKeyWrapPad, Mechanism::AesKeyWrap, Mechanism::AesCbcPad([0; 16])] {
            assert!(self.session.wrap_key(&way, aes, self.key).is_err(), "{way:?}");
        }
        assert!(self.session.update_attributes(aes, &[Attribute::Trusted(true)]).is_err());
        let trusted = [&mine[..], &[Attribute::Trusted(true)]].concat();
        assert!(self.session.generate_key(&Mechanism::AesKeyGen, &trusted).is_err());
        let known = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Value(vec![7; 32]),
            Attribute::Wrap(true),
            Attribute::Trusted(true),
        ];
        assert!(self.session.create_object(&known).is_err());
        let public =
            [Attribute::ModulusBits(2048.into()), Attribute::PublicExponent(vec![1, 0, 1]), Attribute::Wrap(true)];
        let (rsa, _) = self
            .session
            .generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &[Attribute::Decrypt(true)])
            .unwrap();
        let oaep = PkcsOaepParams::new(MechanismType::SHA1, PkcsMgfType::MGF1_SHA1, PkcsOaepSource::empty());
        for way in [Mechanism::RsaPkcs, Mechanism::RsaPkcsOaep(oaep)] {
            assert!(self.session.wrap_key(&way, rsa, self.key).is_err(), "{way:?}");
        }
        assert!(self.session.update_attributes(rsa, &[Attribute::Trusted(true)]).is_err());
    }

    fn other_attributes(&self) {
        for lax in [Attribute::WrapWithTrusted(false), Attribute::Sensitive(false)] {
            assert!(self.session.update_attributes(self.key, std::slice::from_ref(&lax)).is_err(), "{lax:?}");
        }
        let value = self.session.get_attributes(self.key, &[AttributeType::Value]).unwrap();
        assert!(value.is_empty(), "a sensitive value is not shown");
    }

    fn copies(&self) {
        for lax in [Attribute::WrapWithTrusted(false), Attribute::Sensitive(false)] {
            assert!(self.session.copy_object(self.key, &[Attribute::Token(false), lax.clone()]).is_err(), "{lax:?}");
        }
        if let Ok(copy) = self.session.copy_object(self.key, &[Attribute::Token(false)]) {
            self.assert_strict(copy);
        }
    }

    fn the_group_key(&self) {
        let changes = [
            Attribute::Decrypt(true),
            Attribute::Encrypt(true),
            Attribute::Derive(true),
            Attribute::Trusted(false),
            Attribute::VendorDefined((AttributeType::VendorDefined(0x4000_0212), Vec::new())),
            Attribute::VendorDefined((AttributeType::VendorDefined(0x4000_0211), Vec::new())),
        ];
        for change in changes {
            let changed = self.session.update_attributes(self.group, std::slice::from_ref(&change));
            assert!(changed.is_err(), "{change:?}");
            assert!(self.session.copy_object(self.group, &[Attribute::Token(false), change]).is_err());
        }
        assert!(self.session.copy_object(self.group, &[]).is_err());
        assert!(self.session.wrap_key(&Mechanism::AesKeyWrapPad, self.group, self.group).is_err());
        let wrapped = self.wrapped();
        assert!(self.session.decrypt(&Mechanism::AesEcb, self.group, &wrapped).is_err());
    }

    /// Unwraps what may leave with every mixture of attributes: none may be laxer than what left.
    fn arrivals_of_his_own(&self) {
        let wrapped = self.wrapped();
        let choices = |make: fn(bool) -> Attribute| [None, Some(make(true)), Some(make(false))];
        let (mut arrived, mut refused) = (0, 0);
        for sensitive in choices(Attribute::Sensitive) {
            for with_trusted in choices(Attribute::WrapWithTrusted) {
                for unwrap in choices(Attribute::Unwrap) {
                    for extractable in choices(Attribute::Extractable) {
                        for key_type in [KeyType::EC, KeyType::GENERIC_SECRET] {
                            let class = if key_type == KeyType::EC {
                                ObjectClass::PRIVATE_KEY
                            } else {
                                ObjectClass::SECRET_KEY
                            };
                            let chosen = [&sensitive, &with_trusted, &unwrap, &extractable];
                            let mut template =
                                vec![Attribute::Class(class), Attribute::KeyType(key_type), Attribute::Token(false)];
                            template.extend(chosen.into_iter().flatten().cloned());
                            // What derives gives itself away a byte at a time.
                            let derives = [template.clone(), vec![Attribute::Derive(true)]].concat();
                            assert!(self.arrival(&wrapped, &derives).is_err(), "{derives:?}");
                            template.push(Attribute::Derive(false));
                            match self.arrival(&wrapped, &template) {
                                Ok(key) => {
                                    arrived += 1;
                                    self.assert_strict(key);
                                }
                                Err(error) => {
                                    refused += 1;
                                    assert!(matches!(error, Error::Pkcs11(..)), "{error}");
                                }
                            }
                        }
                    }
                }
            }
        }
        println!("unwrapped with {arrived} templates, refused with {refused}");
        assert!(arrived > 0 && refused > arrived);
    }

    fn arrival(&self, wrapped: &[u8], template: &[Attribute]) -> Result<ObjectHandle, Error> {
        self.session.unwrap_key(&Mechanism::AesKeyWrapPad, self.group, wrapped, template)
    }

    fn wrapped(&self) -> Vec<u8> {
        self.session.wrap_key(&Mechanism::AesKeyWrapPad, self.group, self.key).unwrap()
    }

    fn assert_strict(&self, key: ObjectHandle) {
        for strict in [Attribute::Sensitive(true), Attribute::WrapWithTrusted(true)] {
            let shown = self.session.get_attributes(key, &[strict.attribute_type()]).unwrap();
            assert_eq!(shown, [strict]);
        }
        let value = self.session.get_attributes(key, &[AttributeType::Value]).unwrap();
        assert!(value.is_empty(), "a sensitive value is not shown");
    }
}

#[test]
fn a_token_without_a_fit_key_is_refused_with_the_reason() {
    with_softhsm("a_token_without_a_fit_key_is_refused_with_the_reason", async {
        let tokens = [token("one"), token("two")];
        let why = |token| open(token).err().unwrap().to_string();
        assert!(why(&tokens[0]).contains("holds no AES key labelled `hufu-group-front`"), "{}", why(&tokens[0]));
        let session = user_session("one");
        session.login(UserType::So, Some(&AuthPin::from("12345678".to_owned()))).unwrap();
        let lax = |more: &[Attribute]| {
            let base = vec![
                Attribute::Token(true),
                Attribute::Private(false),
                Attribute::ValueLen(32.into()),
                Attribute::Label(b"hufu-group-front".to_vec()),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Wrap(true),
                Attribute::Unwrap(true),
                Attribute::Encrypt(false),
                Attribute::Decrypt(false),
                Attribute::Sign(false),
                Attribute::Copyable(false),
            ];
            session.generate_key(&Mechanism::AesKeyGen, &[&base[..], more].concat()).unwrap()
        };
        let cases: [(&[Attribute], &str); 3] = [
            (&[Attribute::Modifiable(false)], "is not trusted"),
            (&[Attribute::Trusted(true)], "can be modified"),
            // All attributes are as they must be, and yet it unwraps whatever is asked: only a trial shows that.
            (
                &[Attribute::Trusted(true), Attribute::Modifiable(false)],
                "unwraps with attributes of the user's choice",
            ),
        ];
        for (more, expected) in cases {
            let key = lax(more);
            session.logout().unwrap();
            let why = why(&tokens[0]);
            assert!(why.contains(expected), "{expected}: {why}");
            // The user's login is the whole application's, and ends with its sessions.
            relogin_as_officer(&session);
            session.destroy_object(key).unwrap();
        }
        lax(&[]);
        lax(&[]);
        session.logout().unwrap();
        assert!(why(&tokens[0]).contains("several keys labelled"), "{}", why(&tokens[0]));
    });
}

fn relogin_as_officer(session: &Session) {
    // A backend that was refused has closed its sessions, but its login may outlast it.
    let _ = session.logout();
    session.login(UserType::So, Some(&AuthPin::from("12345678".to_owned()))).unwrap();
}

#[test]
fn a_group_key_is_put_on_all_tokens_or_on_none() {
    with_softhsm("a_group_key_is_put_on_all_tokens_or_on_none", async {
        let (one, two) = (token("one"), token("two"));
        let wrong = GroupToken { so_pin: secret(b"00000000"), ..token("two") };
        let refused = install_group_key(GROUP, &[token("one"), wrong], &OsRng, false);
        assert!(matches!(refused, Err(OpenError::Backend(BackendError::Credentials(_)))), "{refused:?}");
        assert!(open(&one).err().unwrap().to_string().contains("holds no AES key"));
        install_group_key(GROUP, &[token("one"), token("two")], &OsRng, false).unwrap();
        let again = install_group_key(GROUP, &[token("one"), token("two")], &OsRng, false);
        assert!(matches!(again, Err(OpenError::Group { .. })), "{again:?}");
        // A third token joins: a new key for all of them. Keys that moved under the old one stay as they are.
        let all = [token("one"), token("two"), token("three")];
        install_group_key(GROUP, &all, &OsRng, true).unwrap();
        let (one, three) = (open(&one).unwrap(), open(&all[2]).unwrap());
        let template = template(Algorithm::P384, Scheme::EcdsaSha384);
        let key = handle(&template, one.perform(Operation::Generate(&template), soon()).await.unwrap());
        let bytes = wrapped(&one, &key).await;
        unwrapped(&three, &template, &bytes, key.public_key.as_deref()).await.unwrap();
        drop(two);
    });
}

/// Kryoptic lets the user make trusted keys: a group of it would protect nothing.
#[test]
fn kryoptic_cannot_be_in_a_group() {
    with_kryoptic("kryoptic_cannot_be_in_a_group", async |module: &Path| {
        let pin = b"12345678";
        let serial = find_or_init_token(module, "one", &secret(SO_PIN), &secret(pin)).unwrap();
        let config = Config::new(module, TokenSelector::Serial(serial), secret(pin));
        let refused = Pkcs11Backend::open(Config { group: Some(GROUP.to_owned()), ..config }).err().unwrap();
        println!("{refused}");
        assert!(matches!(refused, OpenError::Group { .. }), "{refused}");
    });
}
