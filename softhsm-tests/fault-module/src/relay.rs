//! The way of a call: decided, held up, translated, forwarded, told.

use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use cryptoki_sys::{CK_FUNCTION_LIST, CK_OBJECT_HANDLE, CK_RV, CK_SLOT_ID, CKR_OK};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use crate::gone;
use crate::log::Log;
use crate::objects::Objects;
use crate::plan::Fault;
use crate::script::Action;
use crate::slots::Slots;
use crate::source::Source;
use crate::vendor::Vendor;

/// Everything of this process.
pub(crate) struct Relay {
    /// The functions of the real module.
    pub(crate) target: CK_FUNCTION_LIST,
    pub(crate) slots: Mutex<Slots>,
    pub(crate) objects: Mutex<Objects>,
    pub(crate) vendor: Vendor,
    source: Mutex<Source>,
    log: Log,
    /// Held for reading while the device works, and for writing while its sessions are taken away: real modules crash when
    /// a session is closed under a call.
    gate: RwLock<()>,
}

/// The relay; nothing where the real module is not there.
pub(crate) fn relay() -> Option<&'static Relay> {
    static RELAY: OnceLock<Option<Relay>> = OnceLock::new();
    RELAY.get_or_init(Relay::open).as_ref()
}

impl Relay {
    fn open() -> Option<Self> {
        let path = |name| env::var_os(name).map(PathBuf::from);
        Some(Self {
            target: load(&path("PKCS11_FAULT_TARGET")?)?,
            slots: Mutex::default(),
            objects: Mutex::default(),
            vendor: Vendor::new(env::var_os("PKCS11_FAULT_VENDOR").is_some()),
            source: Mutex::new(Source::new(path("PKCS11_FAULT_SCRIPT"))),
            log: Log::open(path("PKCS11_FAULT_LOG").as_deref()),
            gate: RwLock::new(()),
        })
    }

    /// Does what is to be done before the device is called.
    ///
    /// # Errors
    /// The answer of a call that the device never sees.
    pub(crate) fn before(&self, function: &str) -> Result<Fault, CK_RV> {
        let fault = self.source.lock().decide(function, &self.log);
        for action in &fault.actions {
            if let Some(code) = self.act(*action, function, &fault) {
                self.log.call(function, code, &fault);
                return Err(code);
            }
        }
        if matches!(function, "C_Initialize" | "C_Finalize") {
            self.objects.lock().clear();
        }
        Ok(fault)
    }

    /// Leave to call the device; without it nobody is inside.
    pub(crate) fn enter(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read()
    }

    /// The answer of a call that the device has seen.
    pub(crate) fn after(&self, function: &str, fault: &Fault, code: CK_RV) -> CK_RV {
        let late = fault.actions.iter().find_map(|action| match action {
            Action::Late(code) => Some(*code),
            _ => None,
        });
        let code = late.unwrap_or(code);
        self.log.call(function, code, fault);
        code
    }

    /// The device's slot.
    pub(crate) fn slot(&self, _: &Fault, shown: CK_SLOT_ID) -> CK_SLOT_ID {
        self.slots.lock().inward(shown)
    }

    /// The device's object, or another one by mistake.
    pub(crate) fn object(&self, fault: &Fault, shown: CK_OBJECT_HANDLE) -> CK_OBJECT_HANDLE {
        let objects = self.objects.lock();
        let object = objects.inward(shown);
        let other = if fault.has(Action::Swap) { objects.mistaken(object) } else { None };
        other.unwrap_or(object)
    }

    /// The device's object that is to be deleted.
    pub(crate) fn doomed(&self, fault: &Fault, shown: CK_OBJECT_HANDLE) -> CK_OBJECT_HANDLE {
        let object = self.object(fault, shown);
        self.objects.lock().forget(object);
        object
    }

    fn act(&self, action: Action, function: &str, fault: &Fault) -> Option<CK_RV> {
        match action {
            Action::Return(code) => return Some(code),
            Action::Gone => {
                self.close_sessions();
                return gone::answer(function);
            }
            Action::Pause(time) => std::thread::sleep(time),
            Action::HangForever => {
                self.log.lost(function, fault);
                loop {
                    std::thread::sleep(Duration::from_secs(3_600));
                }
            }
            Action::Crash => {
                self.log.lost(function, fault);
                std::process::abort();
            }
            Action::CloseSessions => self.close_sessions(),
            Action::Renumber => self.objects.lock().renumber(),
            Action::Slots(by) => self.slots.lock().shift(by, fault.chance),
            Action::Late(_) | Action::Swap | Action::Flip => {}
        }
        None
    }

    fn close_sessions(&self) {
        let _alone = self.gate.write();
        let Some(close_all) = self.target.C_CloseAllSessions else { return };
        for slot in self.slots.lock().used() {
            // SAFETY: the function takes a number alone; it answers with an error when the slot or the module is not there.
            unsafe { close_all(slot) };
        }
    }
}

/// Loads the real module for the rest of the process.
fn load(path: &std::path::Path) -> Option<CK_FUNCTION_LIST> {
    // SAFETY: whoever sets the variable vouches for the module's constructors, as for those of any module.
    let library = unsafe { cryptoki_sys::Pkcs11::new(path) }.ok()?;
    let library: &'static cryptoki_sys::Pkcs11 = Box::leak(Box::new(library));
    library.C_GetFunctionList.as_ref().ok()?;
    let mut list = std::ptr::null_mut();
    // SAFETY: the symbol was found, and the standard gives C_GetFunctionList this signature.
    let code = unsafe { library.C_GetFunctionList(&raw mut list) };
    // SAFETY: with CKR_OK the module has pointed to its list, which lives as long as the module: for ever.
    (code == CKR_OK && !list.is_null()).then(|| unsafe { *list })
}
