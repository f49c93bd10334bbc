//! Sessions die in several ways; keys stay usable, and nothing is done twice.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use cryptoki::context::Pkcs11;
use cryptoki::object::Attribute;
use cryptoki::session::UserType;
use hufu_core::backend::{BackendError, Health, KeyBackend, KeyHandle, Operation, Outcome, SignInput};
use hufu_core::record::Locator;
use support::{MODULE, assert_signs, config, p256, provision, sign, soon, token, with_softhsm};

/// Another view of the library: what it does to sessions, it does to those of the whole process.
fn meddler() -> Pkcs11 {
    Pkcs11::new(MODULE).unwrap()
}

#[test]
fn a_key_survives_a_logout_behind_our_back() {
    with_softhsm("a_key_survives_a_logout_behind_our_back", async {
        let backend = token();
        let key = p256(&backend).await;
        assert_signs(&backend, &key).await;
        for _ in 0..3 {
            let context = meddler();
            let slot = context.get_slots_with_initialized_token().unwrap()[0];
            context.open_ro_session(slot).unwrap().logout().unwrap();
            assert_signs(&backend, &key).await;
        }
        assert_eq!(backend.health(), Health::Serving);
    });
}

/// Private objects are invisible while nobody is logged in: that must never pass for absence.
#[test]
fn absence_is_not_believed_while_logged_out() {
    with_softhsm("absence_is_not_believed_while_logged_out", async {
        let backend = token();
        let key = p256(&backend).await;
        let context = meddler();
        let slot = context.get_slots_with_initialized_token().unwrap()[0];
        let log_out = || context.open_ro_session(slot).unwrap().logout().unwrap();
        for object in context.open_rw_session(slot).unwrap().find_objects(&[Attribute::Private(false)]).unwrap() {
            context.open_rw_session(slot).unwrap().destroy_object(object).unwrap();
        }
        for _ in 0..4 {
            log_out();
            let found = backend.perform(Operation::Find(key.uid), soon()).await;
            assert!(matches!(found, Ok(Outcome::Found(true))), "{found:?}");
            log_out();
            let listed = backend.perform(Operation::Inventory(10), soon()).await;
            assert!(matches!(listed, Ok(Outcome::Inventory(uids)) if uids == [key.uid]));
        }
        log_out();
        assert!(matches!(backend.perform(Operation::Destroy(key.uid), soon()).await, Ok(Outcome::Done)));
        let found = backend.perform(Operation::Find(key.uid), soon()).await;
        assert!(matches!(found, Ok(Outcome::Found(false))), "{found:?}");
        assert!(context.open_rw_session(slot).unwrap().find_objects(&[]).unwrap().is_empty());
    });
}

#[test]
fn a_key_survives_the_end_of_the_library() {
    with_softhsm("a_key_survives_the_end_of_the_library", async {
        let backend = token();
        let key = p256(&backend).await;
        assert_signs(&backend, &key).await;
        meddler().finalize().unwrap();
        assert_signs(&backend, &key).await;
        assert_eq!(backend.health(), Health::Serving);
        let second = p256(&backend).await;
        assert_signs(&backend, &second).await;
    });
}

#[test]
fn keys_survive_a_new_backend_and_two_share_a_module() {
    with_softhsm("keys_survive_a_new_backend_and_two_share_a_module", async {
        let first = token();
        let key = p256(&first).await;
        let second = token();
        assert_signs(&second, &key).await;
        drop(first);
        assert_signs(&second, &key).await;
        assert_eq!(second.serial(), provision());
    });
}

#[test]
fn an_object_deleted_by_others_is_missing() {
    with_softhsm("an_object_deleted_by_others_is_missing", async {
        let backend = token();
        let (key, other) = (p256(&backend).await, p256(&backend).await);
        assert_signs(&backend, &key).await;
        let context = meddler();
        let slot = context.get_slots_with_initialized_token().unwrap()[0];
        let session = context.open_rw_session(slot).unwrap();
        for object in session.find_objects(&[Attribute::Id(key.uid.0.to_vec())]).unwrap() {
            session.destroy_object(object).unwrap();
        }
        assert!(matches!(sign(&backend, &key).await, Err(BackendError::Missing(_))));
        assert_signs(&backend, &other).await;
    });
}

#[test]
fn locators_of_other_tokens_and_keys_are_missing() {
    with_softhsm("locators_of_other_tokens_and_keys_are_missing", async {
        let backend = token();
        let key = p256(&backend).await;
        let Locator::Token { serial, uid, fingerprint } = key.locator.clone() else { panic!("on a token") };
        let wrong = [
            Locator::Token { serial: "0".to_owned(), uid, fingerprint },
            Locator::Token { serial: serial.clone(), uid, fingerprint: Some([0; 32]) },
            Locator::Token { serial: serial.clone(), uid, fingerprint: None },
            Locator::Token { serial, uid: support::uid(), fingerprint },
            Locator::Gone,
        ];
        for locator in wrong {
            let moved = KeyHandle { locator, ..key.clone() };
            assert!(matches!(sign(&backend, &moved).await, Err(BackendError::Missing(_))), "{:?}", moved.locator);
        }
        assert_signs(&backend, &key).await;
    });
}

#[test]
fn a_taken_identity_is_not_made_twice() {
    with_softhsm("a_taken_identity_is_not_made_twice", async {
        let backend = token();
        let key = p256(&backend).await;
        let template = hufu_core::backend::Template {
            uid: key.uid,
            algorithm: key.algorithm,
            purpose: hufu_core::algorithm::Purpose::Sign,
            scheme: key.scheme,
            binding: Arc::from([]),
            wrapping_key: None,
            exit: hufu_core::record::Exit::Never,
        };
        let again = backend.perform(Operation::Generate(&template), soon()).await;
        assert!(matches!(again, Err(BackendError::Failed(_))), "{again:?}");
        assert_signs(&backend, &key).await;
    });
}

#[test]
fn deadlines_hold_while_the_sessions_are_busy() {
    with_softhsm("deadlines_hold_while_the_sessions_are_busy", async {
        let backend = Arc::new(token());
        let key = p256(&*backend).await;
        let mut waiting = Vec::new();
        for _ in 0..2000 {
            let (backend, key) = (Arc::clone(&backend), key.clone());
            waiting.push(tokio::spawn(async move {
                let started = Instant::now();
                let deadline = started + Duration::from_millis(30);
                let answer = backend.perform(Operation::Sign(&key, SignInput::Message(&[0; 4096])), deadline).await;
                (answer, started.elapsed())
            }));
        }
        let (mut signed, mut refused) = (0, 0);
        for task in waiting {
            let (answer, waited) = task.await.unwrap();
            assert!(waited < Duration::from_secs(2), "{waited:?}");
            match answer {
                Ok(Outcome::Bytes(_)) => signed += 1,
                Err(BackendError::DeadlineExceeded | BackendError::Overloaded) => refused += 1,
                answer => panic!("{answer:?}"),
            }
        }
        println!("signed {signed}, refused {refused}");
        assert!(signed > 0 && refused > 0);
        assert_signs(&*backend, &key).await;
    });
}

/// A modulus of 3072 bits takes longer than this: the caller is answered, and what the token made is found later.
#[test]
fn a_call_that_takes_too_long_is_given_up() {
    with_softhsm("a_call_that_takes_too_long_is_given_up", async {
        let backend = token();
        let template = hufu_core::backend::Template {
            uid: support::uid(),
            algorithm: hufu_core::algorithm::Algorithm::Rsa3072,
            purpose: hufu_core::algorithm::Purpose::Sign,
            scheme: hufu_core::algorithm::Scheme::RsaPssSha256,
            binding: Arc::from([]),
            wrapping_key: None,
            exit: hufu_core::record::Exit::Never,
        };
        let started = Instant::now();
        let deadline = started + Duration::from_millis(3);
        let answer = backend.perform(Operation::Generate(&template), deadline).await;
        assert!(matches!(answer, Err(BackendError::DeadlineExceeded)), "{answer:?}");
        assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
        let key = p256(&backend).await;
        assert_signs(&backend, &key).await;
        assert!(matches!(backend.perform(Operation::Destroy(template.uid), soon()).await, Ok(Outcome::Done)));
    });
}

#[test]
fn keys_on_the_token_are_protected() {
    use cryptoki::object::AttributeType as A;
    with_softhsm("keys_on_the_token_are_protected", async {
        let backend = hufu_pkcs11::Pkcs11Backend::open(config(&provision())).unwrap();
        let key = p256(&backend).await;
        let context = meddler();
        let slot = context.get_slots_with_initialized_token().unwrap()[0];
        let session = context.open_ro_session(slot).unwrap();
        // The application is logged in already; a second login says so.
        assert!(session.login(UserType::User, Some(&"1234567".into())).is_err());
        let template = [Attribute::Id(key.uid.0.to_vec()), Attribute::Private(true)];
        let private = session.find_objects(&template).unwrap()[0];
        let wanted = [
            A::Sensitive,
            A::Extractable,
            A::AlwaysSensitive,
            A::NeverExtractable,
            A::Token,
            A::Sign,
            A::Decrypt,
            A::Unwrap,
            A::Derive,
            A::Label,
        ];
        let expected = [
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::AlwaysSensitive(true),
            Attribute::NeverExtractable(true),
            Attribute::Token(true),
            Attribute::Sign(true),
            Attribute::Decrypt(false),
            Attribute::Unwrap(false),
            Attribute::Derive(false),
            Attribute::Label(format!("hufu-{}", key.uid).into_bytes()),
        ];
        assert_eq!(session.get_attributes(private, &wanted).unwrap(), expected);
        let allowed = session.get_attributes(private, &[A::AllowedMechanisms]).unwrap();
        println!("allowed mechanisms: {allowed:?}");
        assert!(session.get_attributes(private, &[A::Value]).unwrap().is_empty(), "the value is not shown");
    });
}
