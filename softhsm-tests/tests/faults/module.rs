//! The module that fails by script does what the script says: else the other tests would prove nothing.

use std::path::Path;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use hufu_softhsm_tests::{Faults, Tool};

use crate::child;

const PIN: &str = "1234567";
/// P-256, as an object identifier in DER.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const DIGEST: [u8; 32] = [0x5a; 32];

/// Two keys, and a session to use them.
struct Bench {
    context: Pkcs11,
    session: Session,
}

#[test]
fn scripts_do_what_they_say() {
    const TEST: &str = "module::scripts_do_what_they_say";
    let faults = Faults::new();
    let environment = |scratch: &Path| {
        let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", scratch.display());
        std::fs::write(scratch.join("softhsm2.conf"), text).unwrap();
        let mut environment = faults.environment();
        environment.push(("SOFTHSM2_CONF", scratch.join("softhsm2.conf")));
        // The child's own script and log are those that its variables name.
        environment.push(("PKCS11_FAULT_SCRIPT", scratch.join("script")));
        environment.push(("PKCS11_FAULT_LOG", scratch.join("log")));
        environment
    };
    let Some(scratch) = child::enter(TEST, environment) else { return };
    Tool::new("softhsm2-util").args(["--init-token", "--free", "--label", "x", "--pin", PIN, "--so-pin", PIN]).ok();
    let context = Pkcs11::new(faults.module()).unwrap();
    let script = |text: &str| {
        std::fs::write(scratch.join("new"), text).unwrap();
        std::fs::rename(scratch.join("new"), scratch.join("script")).unwrap();
    };
    let mut bench = Bench::open(context);
    codes(&bench, &script);
    signatures(&bench, &script);
    handles(&bench, &script);
    sessions(&mut bench, &script);
    slots(bench, &script);
}

fn codes(bench: &Bench, script: &impl Fn(&str)) {
    script("C_SignInit count=1 return=CKR_DEVICE_ERROR");
    assert_eq!(bench.signer(0), Err(RvError::DeviceError));
    assert_eq!(bench.signer(0), Ok(Some(0)));
    // The device has signed and is ready for the next one: an answer that was lost, not an operation that was not done.
    script("C_Sign after=1 count=1 late=CKR_DEVICE_ERROR");
    assert_eq!(bench.signer(0), Err(RvError::DeviceError));
    assert_eq!(bench.signer(0), Ok(Some(0)));
}

fn signatures(bench: &Bench, script: &impl Fn(&str)) {
    script("C_Sign flip");
    assert_eq!(bench.signer(0), Ok(None));
    script("C_SignInit swap");
    assert_eq!((bench.signer(0), bench.signer(1)), (Ok(Some(1)), Ok(Some(0))));
    script("");
    assert_eq!((bench.signer(0), bench.signer(1)), (Ok(Some(0)), Ok(Some(1))));
}

fn handles(bench: &Bench, script: &impl Fn(&str)) {
    let keys = [bench.find(0), bench.find(1)];
    script("C_FindObjects swap");
    assert_eq!([bench.find(0), bench.find(1)], [keys[1], keys[0]]);
    script("C_SignInit count=1 renumber");
    assert_eq!(bench.signed_with(keys[0]), Ok(Some(1)), "the handle of before means another key");
    assert_eq!(bench.signed_with(keys[1]), Ok(Some(0)));
    assert_eq!([bench.signer(0), bench.signer(1)], [Ok(Some(0)), Ok(Some(1))], "a search tells the new one");
}

fn sessions(bench: &mut Bench, script: &impl Fn(&str)) {
    script("C_SignInit count=1 close-sessions");
    let key = bench.find(0);
    assert_eq!(bench.signed_with(key), Err(RvError::SessionHandleInvalid));
    bench.session = login(&bench.context);
    assert_eq!(bench.signer(0), Ok(Some(0)));
    script("* gone");
    assert_eq!(bench.signed_with(key), Err(RvError::DeviceRemoved));
    assert!(bench.context.get_slots_with_token().unwrap().is_empty());
    script("");
    bench.session = login(&bench.context);
    assert_eq!(bench.signer(0), Ok(Some(0)));
}

fn slots(bench: Bench, script: &impl Fn(&str)) {
    let before = token_slot(&bench.context).id();
    script("C_Initialize slots=7");
    let Bench { context, session, .. } = bench;
    drop(session);
    context.clone().finalize().unwrap();
    let bench = Bench::reopen(context);
    assert_eq!(token_slot(&bench.context).id(), before + 7);
    assert_eq!(bench.session.get_session_info().unwrap().slot_id().id(), before + 7);
    assert_eq!(bench.signer(1), Ok(Some(1)));
}

impl Bench {
    fn open(context: Pkcs11) -> Self {
        let bench = Self::reopen(context);
        for id in [1, 2] {
            let public = [Attribute::Token(true), Attribute::Id(vec![id]), Attribute::EcParams(P256.to_vec())];
            let private = [Attribute::Token(true), Attribute::Id(vec![id]), Attribute::Sign(true)];
            bench.session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap();
        }
        bench
    }

    /// Initialises the module; the keys are there already.
    fn reopen(context: Pkcs11) -> Self {
        context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
        let session = login(&context);
        Self { context, session }
    }

    /// Which of the keys has signed when this one was asked; nothing if it was none of them.
    fn signer(&self, key: u8) -> Result<Option<usize>, RvError> {
        self.signed_with(self.find(key))
    }

    fn find(&self, key: u8) -> ObjectHandle {
        find(&self.session, key + 1, ObjectClass::PRIVATE_KEY).expect("a private key")
    }

    fn signed_with(&self, handle: ObjectHandle) -> Result<Option<usize>, RvError> {
        match self.session.sign(&Mechanism::Ecdsa, handle, &DIGEST) {
            Ok(signature) => Ok(self.maker(&signature)),
            Err(Error::Pkcs11(code, _)) => Err(code),
            Err(error) => panic!("{error}"),
        }
    }

    fn maker(&self, signature: &[u8]) -> Option<usize> {
        // Found anew: handles of before may mean others.
        [1, 2].iter().position(|id| {
            let public = find(&self.session, *id, ObjectClass::PUBLIC_KEY).expect("a public key");
            self.session.verify(&Mechanism::Ecdsa, public, &DIGEST, signature).is_ok()
        })
    }
}

fn login(context: &Pkcs11) -> Session {
    let session = context.open_rw_session(token_slot(context)).unwrap();
    session.login(UserType::User, Some(&AuthPin::from(PIN.to_owned()))).unwrap();
    session
}

fn token_slot(context: &Pkcs11) -> Slot {
    context.get_slots_with_initialized_token().unwrap()[0]
}

fn find(session: &Session, id: u8, class: ObjectClass) -> Option<ObjectHandle> {
    session.find_objects(&[Attribute::Id(vec![id]), Attribute::Class(class)]).unwrap().first().copied()
}
