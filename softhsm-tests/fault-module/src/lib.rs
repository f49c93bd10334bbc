//! A PKCS#11 module (OASIS PKCS #11 v2.40 function list) that forwards to a real one and fails by script.
//!
//! Set by the environment of the process that loads it, by names that a driver's process is given:
//!
//! - `PKCS11_FAULT_TARGET`: path of the real module;
//! - `PKCS11_FAULT_SCRIPT`: path of the script, read again whenever it changes; without it nothing fails;
//! - `PKCS11_FAULT_LOG`: path of a file to which logins, initialisations and everything that failed are appended.
//!
//! - `PKCS11_FAULT_VENDOR`: if it is there, the device has mechanisms of a vendor's own numbers (`vendor.rs`).
//!
//! # The script
//!
//! A line is a rule: functions (`C_Sign`, `C_Sign,C_SignInit` or `*`), then when it acts, then what it does. `#` begins a
//! comment; a line `seed N` makes the choices others. Of the rules that fit a call the first that acts decides alone.
//!
//! | When | |
//! |---|---|
//! | `after=N` | not at the first N calls of a process |
//! | `count=N` | N times at most, in all processes |
//! | `probability=P` | at that share of the calls |
//! | `from=TIME`, `until=TIME` | since the script was written; `20ms` or `5s` |
//!
//! | What, in the order of the line | |
//! |---|---|
//! | `return=CKR_…` | answers so, without a call of the device; a number (`0x80000001`) is a vendor's code |
//! | `late=CKR_…` | calls the device, which does its work, and answers so |
//! | `delay=TIME`, `hang=TIME`, `hang=forever` | waits before the call |
//! | `crash` | aborts the process |
//! | `close-sessions` | the device forgets all sessions |
//! | `gone` | no slot has a token; sessions are forgotten |
//! | `renumber` | handles known to the caller now mean other keys of the same kind; searches tell the new ones |
//! | `swap` | this call takes, or finds, another private or secret key of the same kind |
//! | `flip` | one bit of the signature is wrong |
//! | `slots=N`, `slots=random` | slot ids are shifted by N, or by another number each time |
//!
//! A `count` goes on in the next process that loads the module with the same script: it is kept beside it, in a file whose
//! name ends with `.acted`.
//!
//! It is for tests alone: nothing of the product loads it.

mod codes;
mod ffi;
mod gone;
mod log;
mod objects;
mod outward;
mod plan;
mod relay;
mod script;
mod slots;
mod source;
mod vendor;
