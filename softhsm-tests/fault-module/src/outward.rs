//! What the device hands out, as the caller sees it.
//!
//! Each is called after the device has answered CKR_OK, with pointers that the caller gave for these results.

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_BYTE, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_SESSION_INFO, CK_SLOT_ID,
    CK_ULONG, CKA_CLASS, CKA_KEY_TYPE, CKA_TOKEN,
};

use crate::objects::Kind;
use crate::plan::Fault;
use crate::relay::Relay;
use crate::script::Action;

impl Relay {
    /// # Safety
    /// `count` is valid, and so are as many elements at `list` unless it is null.
    pub(crate) unsafe fn slot_list(&self, fault: &Fault, list: *mut CK_SLOT_ID, count: *mut CK_ULONG) {
        if fault.has(Action::Gone) {
            // SAFETY: the caller's promise.
            unsafe { *count = 0 };
            return;
        }
        let slots = self.slots.lock();
        // SAFETY: the caller's promise.
        for slot in unsafe { results(list, count) } {
            *slot = slots.outward(*slot);
        }
    }

    /// # Safety
    /// `slot` is valid.
    pub(crate) unsafe fn one_slot(&self, fault: &Fault, slot: *mut CK_SLOT_ID) {
        let mut count = 1;
        // SAFETY: the caller's promise.
        unsafe { self.slot_list(fault, slot, &raw mut count) };
    }

    /// # Safety
    /// `info` is valid.
    pub(crate) unsafe fn session_info(&self, _: &Fault, info: *mut CK_SESSION_INFO) {
        // SAFETY: the caller's promise.
        let slot = unsafe { &mut (*info).slotID };
        *slot = self.slots.lock().outward(*slot);
    }

    /// Remembers where sessions are.
    ///
    /// # Safety
    /// Nothing to promise: it has the form of its neighbours.
    pub(crate) unsafe fn opened(&self, _: &Fault, slot: CK_SLOT_ID) {
        self.slots.lock().note_use(slot);
    }

    /// # Safety
    /// `count` is valid, and so are as many elements at `list`.
    pub(crate) unsafe fn found(
        &self,
        fault: &Fault,
        session: CK_SESSION_HANDLE,
        list: *mut CK_OBJECT_HANDLE,
        count: *mut CK_ULONG,
    ) {
        // SAFETY: the caller's promise.
        for object in unsafe { results(list, count) } {
            self.note(session, *object);
            let objects = self.objects.lock();
            let other = if fault.has(Action::Swap) { objects.mistaken(*object) } else { None };
            *object = objects.outward(other.unwrap_or(*object));
        }
    }

    /// # Safety
    /// `object` is valid.
    pub(crate) unsafe fn made(&self, fault: &Fault, session: CK_SESSION_HANDLE, object: *mut CK_OBJECT_HANDLE) {
        let mut count = 1;
        // SAFETY: the caller's promise.
        unsafe { self.found(fault, session, object, &raw mut count) };
    }

    /// # Safety
    /// `public` and `private` are valid.
    pub(crate) unsafe fn made_pair(
        &self,
        fault: &Fault,
        session: CK_SESSION_HANDLE,
        public: *mut CK_OBJECT_HANDLE,
        private: *mut CK_OBJECT_HANDLE,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            self.made(fault, session, public);
            self.made(fault, session, private);
        }
    }

    /// Turns one bit over.
    ///
    /// # Safety
    /// `len` is valid, and so are as many bytes at `signature` unless it is null.
    pub(crate) unsafe fn signature(&self, fault: &Fault, signature: *mut CK_BYTE, len: *mut CK_ULONG) {
        if !fault.has(Action::Flip) {
            return;
        }
        // SAFETY: the caller's promise.
        let signature = unsafe { results(signature, len) };
        let bits = (signature.len() as u64 * 8).max(1);
        let bit = fault.chance % bits;
        let at = usize::try_from(bit / 8).unwrap_or_default();
        if let Some(byte) = signature.get_mut(at) {
            *byte ^= 1 << (bit % 8);
        }
    }

    /// Remembers an object's kind, which tells what it can be taken for.
    fn note(&self, session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) {
        if !self.objects.lock().is_known(object) {
            let kind = self.kind(session, object);
            self.objects.lock().note(object, kind);
        }
    }

    fn kind(&self, session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) -> Kind {
        let mut kind = Kind::default();
        let mut permanent: CK_BYTE = 0;
        self.read(session, object, CKA_CLASS, &mut kind.class);
        self.read(session, object, CKA_KEY_TYPE, &mut kind.key_type);
        self.read(session, object, CKA_TOKEN, &mut permanent);
        Kind { permanent: permanent != 0, ..kind }
    }

    /// Reads an attribute of the device's object; leaves the value as it is if there is none of that length.
    fn read<T: Copy>(
        &self,
        session: CK_SESSION_HANDLE,
        object: CK_OBJECT_HANDLE,
        attribute: CK_ATTRIBUTE_TYPE,
        value: &mut T,
    ) {
        let Some(function) = self.target.C_GetAttributeValue else { return };
        let mut copy = *value;
        let len = size_of::<T>() as CK_ULONG;
        let mut template = CK_ATTRIBUTE { type_: attribute, pValue: (&raw mut copy).cast(), ulValueLen: len };
        // SAFETY: the template has one attribute, whose buffer is as long as it says and outlives the call.
        let code = unsafe { function(session, object, &raw mut template, 1) };
        if code == 0 && template.ulValueLen == len {
            *value = copy;
        }
    }
}

/// The elements that were handed out.
///
/// # Safety
/// `count` is valid, and so are as many elements at `list` unless it is null; nobody else uses them meanwhile.
unsafe fn results<'a, T>(list: *mut T, count: *mut CK_ULONG) -> &'a mut [T] {
    if list.is_null() {
        return &mut [];
    }
    // SAFETY: the caller's promise.
    let len = usize::try_from(unsafe { *count }).unwrap_or_default();
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts_mut(list, len) }
}
