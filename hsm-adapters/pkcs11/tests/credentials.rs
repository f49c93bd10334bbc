//! A wrong PIN is presented once; tokens are found or initialised by label.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::path::Path;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use hufu_core::backend::BackendError;
use hufu_pkcs11::{Config, OpenError, Pkcs11Backend, TokenSelector, find_or_init_token};
use support::{LABEL, MODULE, PIN, SO_PIN, assert_signs, config, p256, provision, secret, with_softhsm};

#[test]
fn a_wrong_pin_is_refused_and_told_from_other_errors() {
    with_softhsm("a_wrong_pin_is_refused_and_told_from_other_errors", async {
        let serial = provision();
        let wrong = Config { pin: secret(b"0000000"), ..config(&serial) };
        let refused = Pkcs11Backend::open(wrong).err().unwrap();
        let told =
            matches!(&refused, OpenError::Backend(BackendError::Credentials(why)) if why.contains("PinIncorrect"));
        assert!(told, "{refused:?}");
        // The right PIN in a new backend works: the latch is the backend's, the token was not locked.
        let backend = Pkcs11Backend::open(config(&serial)).unwrap();
        assert_signs(&backend, &p256(&backend).await).await;
    });
}

#[test]
fn a_refused_pin_is_never_presented_again() {
    with_softhsm("a_refused_pin_is_never_presented_again", async {
        let backend = Pkcs11Backend::open(config(&provision())).unwrap();
        let key = p256(&backend).await;
        // Somebody changes the PIN and logs the application out; all that follows must see one refusal and no more tries.
        let context = Pkcs11::new(MODULE).unwrap();
        let slot = context.get_slots_with_initialized_token().unwrap()[0];
        let session = context.open_rw_session(slot).unwrap();
        session.set_pin(&"1234567".into(), &"7654321".into()).unwrap();
        session.logout().unwrap();
        for _ in 0..5 {
            let refused = support::sign(&backend, &key).await;
            assert!(matches!(refused, Err(BackendError::Credentials(_))), "{refused:?}");
        }
        session.set_pin(&"7654321".into(), &"1234567".into()).unwrap();
        let refused = support::sign(&backend, &key).await;
        assert!(matches!(refused, Err(BackendError::Credentials(_))), "even the right PIN, until it is opened anew");
        drop(backend);
        let backend = Pkcs11Backend::open(config(&provision())).unwrap();
        assert_signs(&backend, &key).await;
    });
}

#[test]
fn tokens_are_initialised_once_and_found_by_label() {
    with_softhsm("tokens_are_initialised_once_and_found_by_label", async {
        let serial = provision();
        assert_eq!(provision(), serial);
        let other = find_or_init_token(Path::new(MODULE), "another", &secret(SO_PIN), &secret(PIN)).unwrap();
        assert_ne!(other, serial);
        let by_label = Config::new(MODULE, TokenSelector::Label(LABEL.to_owned()), secret(PIN));
        assert_eq!(Pkcs11Backend::open(by_label).unwrap().serial(), serial);
        let absent = Config::new(MODULE, TokenSelector::Label("absent".to_owned()), secret(PIN));
        assert!(matches!(Pkcs11Backend::open(absent), Err(OpenError::NotFound(_))));
        make_a_second_token_labelled("another");
        let ambiguous = Config::new(MODULE, TokenSelector::Label("another".to_owned()), secret(PIN));
        assert!(matches!(Pkcs11Backend::open(ambiguous), Err(OpenError::Ambiguous(_))));
    });
}

#[test]
fn a_module_that_is_none_is_an_error() {
    let selector = TokenSelector::Label(LABEL.to_owned());
    for path in ["/nonexistent.so", "/etc/passwd"] {
        let config = Config::new(path, selector.clone(), secret(PIN));
        assert!(matches!(Pkcs11Backend::open(config), Err(OpenError::Module { .. })));
    }
}

fn make_a_second_token_labelled(label: &str) {
    let context = Pkcs11::new(MODULE).unwrap();
    // Initialised already, in this process.
    assert!(context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).is_err());
    let slots = context.get_slots_with_token().unwrap();
    let free = slots.into_iter().find(|slot| !context.get_token_info(*slot).unwrap().token_initialized()).unwrap();
    context.init_token(free, &"12345678".into(), label).unwrap();
}
