//! What lives of keys are possible, and what is reported of them.

use hufu_verify::{Event, History, HistoryError, Leaf, RevocationReason, Status};

use crate::fixture::{Life, START, blank};

const EVENTS: [Event; 12] = [
    Event::Register,
    Event::Activate,
    Event::Rotate,
    Event::Suspend,
    Event::Resume,
    Event::Revoke,
    Event::Destroy,
    Event::Erase,
    Event::Recover,
    Event::Policy,
    Event::AuditHead,
    Event::Unknown(99),
];

fn leaf(event: Event, reason: Option<RevocationReason>) -> Leaf {
    Leaf { reason, ..blank(event) }
}

fn history(events: &[(Event, Option<RevocationReason>)]) -> History {
    let mut history = History::begin(&blank(Event::Register)).unwrap();
    for (event, reason) in events {
        history.apply(&leaf(*event, *reason)).unwrap();
    }
    history
}

/// State after an event, by its letter: Pre-active, Active, Suspended, Deactivated, Compromised,
/// destroyed (X); `.` is a refusal. The rows are the states in this order, the columns `EVENTS`, with
/// the revocation once for `superseded` and once for `keyCompromise`.
#[test]
fn the_table_is_exactly_this() {
    let reason = Some(RevocationReason::KeyCompromise);
    let lives = [
        vec![],
        vec![(Event::Activate, None)],
        vec![(Event::Activate, None), (Event::Suspend, None)],
        vec![(Event::Activate, None), (Event::Rotate, None)],
        vec![(Event::Revoke, reason)],
        vec![(Event::Destroy, None)],
    ];
    let expected =
        [".A...DCX.PP..", "..DS.DC..AA..", "..D.ADC..SS..", ".....DCX.DD..", ".......X.CC..", "......X.X.X.."];
    for (life, row) in lives.iter().zip(expected) {
        let found: String = EVENTS.iter().flat_map(|event| columns(*event)).map(|next| letter(life, &next)).collect();
        assert_eq!(found, row, "{life:?}");
    }
}

fn columns(event: Event) -> Vec<Leaf> {
    let reasons = [Some(RevocationReason::Superseded), Some(RevocationReason::KeyCompromise)];
    match event {
        Event::Revoke => reasons.into_iter().map(|reason| leaf(event, reason)).collect(),
        _ => vec![leaf(event, None)],
    }
}

fn letter(life: &[(Event, Option<RevocationReason>)], next: &Leaf) -> char {
    let mut history = history(life);
    let before = history;
    if history.apply(next).is_err() {
        assert_eq!(history, before);
        return '.';
    }
    match history.status() {
        Status::PreActive => 'P',
        Status::Active => 'A',
        Status::Suspended => 'S',
        Status::Deactivated => 'D',
        Status::Compromised => 'C',
        Status::Destroyed => 'X',
    }
}

#[test]
fn a_history_begins_with_a_registration_only() {
    for event in EVENTS {
        let expected = match event {
            Event::Register => None,
            Event::Unknown(code) => Some(HistoryError::Unknown(code)),
            event => Some(HistoryError::NotRegistered(event)),
        };
        assert_eq!(History::begin(&blank(event)).err(), expected);
    }
}

#[test]
fn every_reason_leads_where_it_should() {
    for code in [0, 1, 2, 3, 4, 5, 9, 10] {
        let reason = RevocationReason::from_code(code).unwrap();
        let history = history(&[(Event::Activate, None), (Event::Revoke, Some(reason))]);
        let expected = if [1, 2, 10].contains(&code) { Status::Compromised } else { Status::Deactivated };
        assert_eq!(history.status(), expected);
        assert_eq!(history.revocation().unwrap().reason, reason);
    }
}

#[test]
fn a_compromise_outweighs_other_reasons_and_outlives_destruction() {
    let (superseded, compromise) = (Some(RevocationReason::Superseded), Some(RevocationReason::KeyCompromise));
    let upgraded = history(&[(Event::Revoke, superseded), (Event::Revoke, compromise)]);
    assert_eq!(upgraded.status(), Status::Compromised);
    assert_eq!(upgraded.revocation().map(|r| r.reason), compromise);
    let before = history(&[(Event::Revoke, compromise), (Event::Destroy, None)]);
    let after = history(&[(Event::Destroy, None), (Event::Revoke, compromise)]);
    assert_eq!(before, after);
    assert_eq!(after.status(), Status::Destroyed);
    let erased = history(&[(Event::Destroy, None), (Event::Erase, None), (Event::Revoke, compromise)]);
    assert!(erased.is_erased() && erased.revocation().is_some());
}

#[test]
fn a_revoked_key_is_reported_as_such() {
    let mut life = Life::registered().then(&[Event::Activate, Event::Suspend, Event::Resume]);
    life.add(|leaf| {
        leaf.event = Event::Revoke;
        leaf.reason = Some(RevocationReason::KeyCompromise);
        leaf.compromised_at = Some(START + 1000);
    });
    let report = life.verify().unwrap();
    assert_eq!((report.status, report.last_event), (Status::Compromised, Event::Revoke));
    assert_eq!((report.checkpoint_size, report.events.len(), report.at), (10, 5, START + 240_000));
    assert!(report.public_key_matches);
    let expected = "\
last event as of checkpoint 10: revoke (keyCompromise) at 2026-01-02T03:08:05.678Z, compromised since 2026-01-02T03:04:06.678Z
status: compromised, revoked (keyCompromise) at 2026-01-02T03:08:05.678Z
key: KEY, p256, of the public key in the bundle
not before: 2026-01-02T03:04:05.678Z
not after: 2027-01-02T03:04:05.678Z
log: log.example/hufu
root: ROOT
events:
  0 leaf 1: register at 2026-01-02T03:04:05.678Z
  1 leaf 3: activate at 2026-01-02T03:05:05.678Z
  2 leaf 5: suspend at 2026-01-02T03:06:05.678Z
  3 leaf 7: resume at 2026-01-02T03:07:05.678Z
  4 leaf 9: revoke (keyCompromise) at 2026-01-02T03:08:05.678Z, compromised since 2026-01-02T03:04:06.678Z
events after this checkpoint, or left out of this bundle, are not shown";
    let key: String = report.key_id.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = expected.replace("KEY,", &format!("{key},")).replace("ROOT", &report.root.to_string());
    assert_eq!(report.to_string(), expected);
}

#[test]
fn no_report_calls_a_key_valid() {
    let lives = [
        vec![],
        vec![Event::Activate],
        vec![Event::Activate, Event::Rotate, Event::Recover],
        vec![Event::Activate, Event::Rotate, Event::Destroy, Event::Erase, Event::Revoke],
    ];
    for life in lives {
        let text = Life::registered().then(&life).verify().unwrap().to_string().to_lowercase();
        assert!(text.starts_with("last event as of checkpoint "), "{text}");
        for word in ["valid", "good", "trust"] {
            assert!(!text.contains(word), "{text}");
        }
    }
}

#[test]
fn a_key_without_public_key_is_known_by_its_id() {
    let life = Life::registered();
    let bundle = hufu_verify::Bundle { public_key: None, ..life.bundle() };
    let report = hufu_verify::verify_bundle(&bundle.encode().unwrap(), &life.log.key).unwrap();
    assert!(!report.public_key_matches);
    assert!(!report.to_string().contains("public key"));
}
