//! The audit trail: filtered, paged, exported without the records of others, verified to its end.

use hufu_audit::{Exported, ExportedRecord, verify_exported};
use hufu_core::Reason;
use hufu_core::algorithm::Algorithm;
use hufu_core::store::SegmentKey;
use hufu_engine::api::{AuditFilter, AuditItem, AuditReport, OutcomeKind, PageRequest};

use crate::common::world::{ALICE, BOB, World};
use crate::requests::{REVOKE, create, key, primary, reason, version};

fn everything() -> AuditFilter {
    AuditFilter {
        tenant: ALICE.tenant(),
        key: None,
        principal: None,
        action: None,
        outcome: None,
        from_ms: None,
        until_ms: None,
    }
}

fn list(world: &mut World, filter: &AuditFilter) -> Vec<AuditItem> {
    let page = PageRequest { size: 1_000, token: String::new() };
    let listed = world.call(ALICE, async |server, caller| server.engine.list_audit(&caller, filter, page).await);
    listed.unwrap().items
}

fn verify(world: &mut World) -> AuditReport {
    let tenant = ALICE.tenant();
    world.call(ALICE, async |server, caller| server.engine.verify_audit(&caller, &tenant).await).unwrap()
}

/// Alice signs, is refused, revokes; Bob signs too.
fn busy() -> World {
    let mut world = World::new();
    world.signing_key("k");
    world.signing_key("other");
    world.sign(&primary("k")).unwrap();
    world.site.time.advance(1_000);
    world.sign(&primary("other")).unwrap();
    world.change(version("k", 1), REVOKE).unwrap();
    world.sign(&primary("k")).unwrap_err();
    let foreign = create(BOB, "k", Algorithm::Ed25519);
    world.call(BOB, async |server, caller| server.engine.create_key(&caller, foreign).await).unwrap();
    world
}

#[test]
fn filters_hold_all_at_once() {
    let mut world = busy();
    let all = list(&mut world, &everything());
    assert!(all.iter().all(|item| !item.entry.resource.contains("globex")), "only the tenant's own");
    let signed = AuditFilter { action: Some("crypto.sign".to_owned()), ..everything() };
    assert_eq!(list(&mut world, &signed).len(), 3);
    let refused = AuditFilter { outcome: Some(OutcomeKind::Refused), ..signed.clone() };
    assert_eq!(list(&mut world, &refused).len(), 1);
    let of_k = AuditFilter { key: Some(key(ALICE, "k")), outcome: Some(OutcomeKind::Done), ..signed.clone() };
    assert_eq!(list(&mut world, &of_k).len(), 1);
    let by_alice = AuditFilter { principal: Some("tenants/acme/principals/alice".to_owned()), ..signed.clone() };
    assert_eq!(list(&mut world, &by_alice).len(), 3);
    let by_bob = AuditFilter { principal: Some("tenants/globex/principals/bob".to_owned()), ..signed.clone() };
    assert_eq!(list(&mut world, &by_bob).len(), 0);

    // The newest comes first.
    let first = list(&mut world, &signed).last().unwrap().entry.at;
    let early = AuditFilter { until_ms: Some(first + 1_000), ..signed.clone() };
    let late = AuditFilter { from_ms: Some(first + 1_000), ..signed };
    assert_eq!((list(&mut world, &early).len(), list(&mut world, &late).len()), (1, 2));
}

#[test]
fn pages_join_to_the_whole_even_inside_segments() {
    let mut world = busy();
    world.restart();
    world.signing_key("third");
    let whole = list(&mut world, &everything());
    for size in [1, 2, 3, 7] {
        let (mut joined, mut token) = (Vec::new(), String::new());
        loop {
            let page = PageRequest { size, token };
            let filter = everything();
            let listed =
                world.call(ALICE, async |server, caller| server.engine.list_audit(&caller, &filter, page).await);
            let listed = listed.unwrap();
            assert!(listed.items.len() <= size as usize);
            joined.extend(listed.items);
            token = listed.next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(joined, whole, "pages of {size}");
    }
}

#[test]
fn tokens_of_elsewhere_are_refused() {
    let mut world = busy();
    for token in
        ["x", "w1.", "w1.-1", "w1.99999999999999999999", "w1.9223372036854775808", &format!("{}.2", "w".repeat(200))]
    {
        let (filter, page) = (everything(), PageRequest { size: 2, token: token.to_owned() });
        let refused =
            world.call(ALICE, async |server, caller| server.engine.list_audit(&caller, &filter, page).await);
        assert_eq!(reason(refused), Reason::PageTokenInvalid, "{token}");
    }
}

#[test]
fn an_export_verifies_and_withholds_what_is_not_the_readers() {
    let mut world = busy();
    let (tenant, mut after, mut next_seq, mut seen) = (ALICE.tenant(), None, 0, Vec::new());
    loop {
        let from: Option<SegmentKey> = after.take();
        let segments =
            world.call(ALICE, async |server, caller| server.engine.export_audit(&caller, &tenant, from, 3).await);
        let segments = segments.unwrap();
        let Some(last) = segments.last() else { break };
        after = Some(SegmentKey { writer: last.segment.writer.clone(), first_seq: last.segment.first_seq });
        for exported in segments {
            let segment = exported.segment;
            assert_eq!(segment.first_seq, next_seq);
            next_seq += u64::from(segment.count);
            let records = Exported::from_bytes(&segment.records).unwrap();
            assert!(!contains(&segment.records, b"globex"));
            let whole = records.0.iter().filter(|record| matches!(record, ExportedRecord::Whole(_))).count();
            let visible = verify_exported(&records, segment.previous_head, segment.first_seq, segment.head).unwrap();
            assert_eq!(visible.len(), whole);
            seen.extend(visible.into_iter().map(|(_, entry)| entry));
        }
    }
    let listed: Vec<_> = list(&mut world, &everything()).into_iter().rev().map(|item| item.entry).collect();
    assert_eq!(seen, listed);
}

#[test]
fn a_sound_trail_has_no_findings() {
    let mut world = busy();
    world.restart();
    let report = verify(&mut world);
    assert_eq!((report.chain_count, report.findings), (2, vec![]));
    assert_eq!(report.record_count, report.chains.iter().map(|chain| chain.records).sum::<u64>());
}

#[test]
fn a_cut_tail_is_found_by_what_later_servers_and_the_ledger_know() {
    let mut world = busy();
    world.restart();
    world.site.store.tamper(|state| {
        let last = state.segments.keys().rfind(|key| key.writer == "w1").cloned().unwrap();
        state.segments.remove(&last);
    });
    let findings = verify(&mut world).findings;
    assert!(matches!(findings.as_slice(), [(writer, _, what)] if writer == "w1" && what.contains("tail was cut")));

    let mut world = busy();
    assert!(world.run(async |server| server.sequencer.audit_head().await).unwrap());
    let anchored = world.site.store.snapshot().segments.len();
    world.site.store.tamper(|state| {
        // The record of the head itself may go unseen; what it covers may not.
        for _ in 0..2 {
            state.segments.pop_last();
        }
        assert_eq!(state.segments.len(), anchored - 2);
    });
    let findings = verify(&mut world).findings;
    assert!(matches!(findings.as_slice(), [(writer, _, what)] if writer == "w1" && what.contains("tail was cut")));
}

#[test]
fn changed_and_missing_segments_are_found_and_do_not_hide_the_next() {
    let mut world = busy();
    world.site.store.tamper(|state| {
        let keys: Vec<_> = state.segments.keys().cloned().collect();
        *state.segments.get_mut(&keys[2]).unwrap().records.last_mut().unwrap() ^= 1;
        state.segments.remove(&keys[5]);
    });
    let findings = verify(&mut world).findings;
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(findings[0].2.contains("has been changed"));
    assert!(findings[1].2.contains("does not continue"));
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
