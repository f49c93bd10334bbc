//! The state machine of a key version. Every change of state goes through [`transition`].

use std::fmt;

use crate::error::{Error, Reason};
use crate::record::KeyState;
use crate::revocation::RevocationReason;

/// Something that happens to a key version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Begins to protect.
    Activate,
    /// A newer version takes over.
    Supersede,
    /// Set aside for a while (certificateHold).
    Suspend,
    /// Back from suspension.
    Resume,
    /// Revoked, for ever.
    Revoke(RevocationReason),
    /// The material is about to be deleted.
    BeginDestroy,
    /// The material is gone from the live store and that was confirmed.
    ConfirmDestroy,
}

/// The state after an event: SP 800-57pt1r5 §7.2, the only place that knows it.
///
/// Compromise may be reported of a key in any state; a destroyed key stays destroyed, and its record tells of the compromise.
///
/// # Errors
/// [`Reason::WrongState`] when the event cannot happen in this state.
pub fn transition(state: KeyState, event: Event) -> Result<KeyState, Error> {
    use KeyState::{Active, Compromised, Deactivated, Destroyed, Destroying, PreActive, Suspended};
    match (state, event) {
        (PreActive, Event::Activate) | (Suspended, Event::Resume) => Ok(Active),
        (Active, Event::Suspend) => Ok(Suspended),
        // A suspended version stays so: rotating must not reopen it for decryption.
        (Active, Event::Supersede) => Ok(Deactivated),
        (Destroyed, Event::Revoke(reason)) if reason.is_compromise() => Ok(Destroyed),
        (Destroying, Event::Revoke(reason)) if reason.is_compromise() => Ok(Destroying),
        (PreActive | Active | Suspended | Deactivated, Event::Revoke(reason)) => {
            Ok(if reason.is_compromise() { Compromised } else { Deactivated })
        }
        (PreActive | Deactivated | Compromised, Event::BeginDestroy) => Ok(Destroying),
        (Destroying, Event::ConfirmDestroy) => Ok(Destroyed),
        _ => Err(refused(state, event)),
    }
}

fn refused(state: KeyState, event: Event) -> Error {
    let error = Error::new(Reason::WrongState, format!("a version that is {state} cannot {event}"));
    match advice(state, event) {
        Some(help) => error.help(help),
        None => error,
    }
}

/// What leads to the wanted end from this state.
fn advice(state: KeyState, event: Event) -> Option<&'static str> {
    match (event, state) {
        (Event::BeginDestroy, KeyState::Active) => Some("rotate the key, or revoke the version first"),
        (Event::BeginDestroy, KeyState::Suspended) => {
            Some("revoke it first; or resume it, and rotate the key if it is the primary version")
        }
        (Event::Suspend, _) => Some("only an active version can be suspended"),
        (Event::Resume, _) => Some("only a suspended version can be resumed"),
        (Event::Activate, _) => Some("only a pre-active version can be activated"),
        _ => None,
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Activate => "be activated",
            Self::Supersede => "be superseded",
            Self::Suspend => "be suspended",
            Self::Resume => "be resumed",
            Self::Revoke(_) => "be revoked",
            Self::BeginDestroy | Self::ConfirmDestroy => "be destroyed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use KeyState::*;

    const STATES: [KeyState; 7] = [PreActive, Active, Suspended, Deactivated, Compromised, Destroying, Destroyed];
    const EVENTS: [Event; 8] = [
        Event::Activate,
        Event::Supersede,
        Event::Suspend,
        Event::Resume,
        Event::Revoke(RevocationReason::Superseded),
        Event::Revoke(RevocationReason::KeyCompromise),
        Event::BeginDestroy,
        Event::ConfirmDestroy,
    ];

    /// The whole table, row by row, in the order of `EVENTS`; `None` is a refusal.
    #[test]
    fn the_table_is_exactly_this() {
        let expected: [[Option<KeyState>; 8]; 7] = [
            [Some(Active), None, None, None, Some(Deactivated), Some(Compromised), Some(Destroying), None],
            [None, Some(Deactivated), Some(Suspended), None, Some(Deactivated), Some(Compromised), None, None],
            [None, None, None, Some(Active), Some(Deactivated), Some(Compromised), None, None],
            [None, None, None, None, Some(Deactivated), Some(Compromised), Some(Destroying), None],
            [None, None, None, None, None, None, Some(Destroying), None],
            [None, None, None, None, None, Some(Destroying), None, Some(Destroyed)],
            [None, None, None, None, None, Some(Destroyed), None, None],
        ];
        for (state, row) in STATES.iter().zip(expected) {
            for (event, cell) in EVENTS.iter().zip(row) {
                assert_eq!(transition(*state, *event).ok(), cell, "{state} {event:?}");
            }
        }
    }

    /// Help that leads nowhere is worse than none: each step that is named must be one that the table allows.
    #[test]
    fn help_for_a_refused_destruction_leads_there() {
        let help = |state| transition(state, Event::BeginDestroy).unwrap_err().advice();
        assert_eq!(help(Active), Some("rotate the key, or revoke the version first"));
        assert_eq!(transition(Active, Event::Supersede).unwrap(), Deactivated);
        assert_eq!(
            help(Suspended),
            Some("revoke it first; or resume it, and rotate the key if it is the primary version")
        );
        assert!(transition(Suspended, Event::Supersede).is_err());
        assert_eq!(help(Destroyed), None);
    }

    #[test]
    fn nothing_returns_from_compromised_but_to_destroyed() {
        for event in EVENTS {
            if let Ok(next) = transition(Compromised, event) {
                assert_eq!(next, Destroying);
            }
        }
    }
}
