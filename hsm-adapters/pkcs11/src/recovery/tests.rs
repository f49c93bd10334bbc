use std::time::Duration;

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};

use super::*;

/// A session that fails as the script says, and then works.
struct Scripted<'a> {
    faults: &'a [(RvError, Function)],
    attempts: usize,
    steps: Vec<Step>,
    restart_due: bool,
    restarts: usize,
}

impl<'a> Scripted<'a> {
    fn new(faults: &'a [(RvError, Function)]) -> Self {
        Self { faults, attempts: 0, steps: Vec::new(), restart_due: false, restarts: 0 }
    }
}

impl Patient<()> for Scripted<'_> {
    fn is_restart_due(&self) -> bool {
        self.restart_due
    }

    fn attempt(&mut self) -> Result<(), Fault> {
        self.restarts += usize::from(std::mem::take(&mut self.restart_due));
        self.attempts += 1;
        match self.faults.split_first() {
            Some(((code, function), rest)) => {
                self.faults = rest;
                Err(Fault::Device(Error::Pkcs11(*code, *function)))
            }
            None => Ok(()),
        }
    }

    fn take(&mut self, step: Step) {
        self.steps.push(step);
        self.restart_due |= step == Step::Module;
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn treated(patient: &mut Scripted<'_>, ladder: &mut Ladder, repeat: Repeat) -> Result<(), Ending> {
    treat(patient, ladder, repeat, soon())
}

const DEVICE_ERROR_AT_SIGN: (RvError, Function) = (RvError::DeviceError, Function::Sign);

#[test]
fn what_may_have_been_signed_is_not_signed_again() {
    for code in [RvError::DeviceError, RvError::GeneralError, RvError::FunctionFailed, RvError::SessionClosed] {
        let faults = [(code, Function::Sign)];
        let mut patient = Scripted::new(&faults);
        let ending = treated(&mut patient, &mut Ladder::default(), Repeat::Unsafe);
        assert!(matches!(ending, Err(Ending::GivenUp(_))), "{code:?}");
        assert_eq!((patient.attempts, patient.steps.len()), (1, 1), "{code:?}: healed for the next caller alone");
        let mut patient = Scripted::new(&faults);
        treated(&mut patient, &mut Ladder::default(), Repeat::Safe).unwrap();
        assert_eq!(patient.attempts, 2, "{code:?}");
    }
}

#[test]
fn what_was_refused_before_it_had_an_effect_is_signed_after_all() {
    for fault in [
        (RvError::SessionHandleInvalid, Function::Sign),
        (RvError::KeyHandleInvalid, Function::SignInit),
        (RvError::DeviceError, Function::SignInit),
        (RvError::UserNotLoggedIn, Function::Sign),
        (RvError::CryptokiNotInitialized, Function::OpenSession),
    ] {
        let faults = [fault];
        let mut patient = Scripted::new(&faults);
        treated(&mut patient, &mut Ladder::default(), Repeat::Unsafe).unwrap();
        assert_eq!(patient.attempts, 2, "{fault:?}");
    }
}

/// swtpm killed under tpm2-pkcs11: sessions open, logins succeed, and no signature is made until the module is restarted.
#[test]
fn a_device_that_only_signs_no_more_is_restarted_within_three_calls() {
    let mut ladder = Ladder::default();
    let faults = [(RvError::GeneralError, Function::Sign); 2];
    let mut patient = Scripted::new(&faults);
    for _ in 0..2 {
        assert!(treated(&mut patient, &mut ladder, Repeat::Unsafe).is_err());
        // Finding an object works all the time, and proves nothing.
        treated(&mut Scripted::new(&[]), &mut ladder, Repeat::Safe).unwrap();
    }
    treated(&mut patient, &mut ladder, Repeat::Unsafe).unwrap();
    assert_eq!((patient.steps.as_slice(), patient.restarts), (&[Step::Session, Step::Module][..], 1));
}

#[test]
fn a_dead_device_costs_one_restart_a_call() {
    let faults = [DEVICE_ERROR_AT_SIGN; 16];
    let (mut patient, mut ladder) = (Scripted::new(&faults), Ladder::default());
    assert!(matches!(treated(&mut patient, &mut ladder, Repeat::Safe), Err(Ending::GivenUp(_))));
    assert_eq!((patient.attempts, patient.restarts), (3, 1));
    for restarts in 2..5 {
        assert!(treated(&mut patient, &mut ladder, Repeat::Safe).is_err());
        assert_eq!((patient.restarts, patient.attempts), (restarts, restarts + 2));
    }
}

#[test]
fn what_is_no_fault_is_answered_at_once() {
    for code in [RvError::PinLocked, RvError::DataLenRange, RvError::SessionCount, RvError::ArgumentsBad] {
        let faults = [(code, Function::SignInit)];
        let mut patient = Scripted::new(&faults);
        let ending = treated(&mut patient, &mut Ladder::default(), Repeat::Safe);
        assert!(matches!(ending, Err(Ending::Answered(_))), "{code:?}: {ending:?}");
        assert_eq!((patient.attempts, patient.steps.len()), (1, 0));
    }
}

#[test]
fn nothing_is_tried_after_the_deadline() {
    let mut patient = Scripted::new(&[]);
    let ending = treat(&mut patient, &mut Ladder::default(), Repeat::Safe, Instant::now());
    assert!(matches!(ending, Err(Ending::Answered(BackendError::DeadlineExceeded))));
    assert_eq!(patient.attempts, 0);
}

#[test]
fn steps_grow_until_the_module_is_restarted_and_stay_there() {
    let mut ladder = Ladder::default();
    let steps: Vec<_> = (0..4).map(|_| ladder.climb(Meaning::Retry, false).unwrap()).collect();
    assert_eq!(steps, [Step::Again, Step::Session, Step::Module, Step::Module]);
    ladder.worked(false);
    assert_eq!(ladder.climb(Meaning::Login, false), Some(Step::Login));
    assert_eq!(ladder.climb(Meaning::Login, false), Some(Step::Session));
    assert_eq!(Ladder::default().climb(Meaning::Module, false), Some(Step::Module));
}
