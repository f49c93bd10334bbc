//! The audit trail on the wire.

use hufu_core::Error;
use hufu_core::audit::AuditOutcome;
use hufu_core::name::{PrincipalId, SYSTEM_TENANT, TenantId};
use hufu_engine::api::{AuditChain, AuditFilter, AuditItem, AuditReport, ExportedSegment, OutcomeKind};
use hufu_proto::v1;

use super::enums::{Wire as _, action, operation};
use super::name;
use super::time::{from_timestamp, timestamp};

/// Bytes of one input's HMAC; a batch has one after the other.
const INPUT_MAC_LEN: usize = 32;

/// Reads which records are wanted.
///
/// # Errors
/// The field at fault: malformed or unknown.
pub fn filter(request: &v1::ListAuditRecordsRequest) -> Result<AuditFilter, Error> {
    let tenant = name::tenant(&request.parent, "parent")?;
    let given = |text: &str| !text.is_empty();
    Ok(AuditFilter {
        key: given(&request.key).then(|| name::key(&request.key, "key")).transpose()?,
        principal: given(&request.principal).then(|| label(&tenant, &request.principal)).transpose()?,
        action: given(&request.operation)
            .then(|| action(&request.operation, "operation").map(|action| action.name().to_owned()))
            .transpose()?,
        outcome: OutcomeKind::optional(request.outcome, "outcome")?,
        from_ms: from_timestamp(request.start_time, "start_time")?,
        until_ms: from_timestamp(request.end_time, "end_time")?,
        tenant,
    })
}

/// The name under which the trail knows a principal.
fn label(tenant: &TenantId, principal: &str) -> Result<String, Error> {
    if principal == SYSTEM_TENANT {
        return Ok(SYSTEM_TENANT.to_owned());
    }
    let id = PrincipalId::parse(principal).map_err(|error| error.field("principal"))?;
    Ok(format!("{}{id}", principals(tenant)))
}

fn principals(tenant: &TenantId) -> String {
    format!("tenants/{tenant}/principals/")
}

/// A record as the wire shows it to an auditor of that tenant.
#[must_use]
pub fn record(item: AuditItem, tenant: &TenantId) -> v1::AuditRecord {
    let entry = item.entry;
    let (outcome, reason) = match entry.outcome {
        AuditOutcome::Done => (OutcomeKind::Done, String::new()),
        AuditOutcome::Refused(reason) => (OutcomeKind::Refused, reason),
        AuditOutcome::Failed(reason) => (OutcomeKind::Failed, reason),
    };
    let input_mac = entry.input_mac.unwrap_or_default();
    v1::AuditRecord {
        writer: item.writer,
        sequence: item.sequence,
        time: Some(timestamp(entry.at)),
        // A principal of another tenant keeps its whole name: its id alone would pass for one of this tenant.
        principal: entry.principal.strip_prefix(&principals(tenant)).unwrap_or(&entry.principal).to_owned(),
        operation: operation(entry.action).to_owned(),
        resource: entry.resource.to_string(),
        outcome: outcome.to_wire(),
        reason,
        scheme: entry.scheme.map(super::enums::Wire::to_wire).unwrap_or_default(),
        item_count: item_count(input_mac.len()),
        input_mac,
        protection: entry.protection.map(super::enums::Wire::to_wire).unwrap_or_default(),
        simulated: entry.simulated,
        policies: entry.policies.iter().map(|policy| policy.to_string()).collect(),
        detail: entry.detail.unwrap_or_default(),
    }
}

fn item_count(mac_len: usize) -> u32 {
    match mac_len / INPUT_MAC_LEN {
        0 | 1 => 0,
        items => u32::try_from(items).unwrap_or(u32::MAX),
    }
}

/// A segment for export.
#[must_use]
pub fn segment(exported: ExportedSegment) -> v1::AuditSegment {
    let segment = exported.segment;
    v1::AuditSegment {
        writer: segment.writer,
        first_sequence: segment.first_seq,
        record_count: segment.count,
        previous_head: segment.previous_head.to_vec(),
        head: segment.head.to_vec(),
        records: segment.records,
    }
}

/// What a check of the trail found.
#[must_use]
pub fn report(report: AuditReport) -> v1::AuditReport {
    v1::AuditReport {
        intact: report.findings.is_empty(),
        chains: report.chains.into_iter().map(chain).collect(),
        chain_count: report.chain_count,
        segment_count: report.segment_count,
        record_count: report.record_count,
        findings: report.findings.into_iter().map(finding).collect(),
        tree_size: report.ledger_size,
    }
}

fn chain(chain: AuditChain) -> v1::AuditChain {
    v1::AuditChain {
        writer: chain.writer,
        segment_count: chain.segments,
        record_count: chain.records,
        head: chain.head.to_vec(),
        anchored_sequence: chain.anchored,
    }
}

fn finding((writer, sequence, detail): (String, u64, String)) -> v1::AuditFinding {
    v1::AuditFinding { writer, sequence, detail }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hufu_core::audit::AuditEntry;
    use hufu_core::policy::Action;

    use super::*;

    fn request() -> v1::ListAuditRecordsRequest {
        v1::ListAuditRecordsRequest { parent: "tenants/dev".into(), ..Default::default() }
    }

    #[test]
    fn filters_are_read_and_faults_named() {
        let read = filter(&v1::ListAuditRecordsRequest {
            principal: "app".into(),
            operation: "Sign".into(),
            outcome: v1::AuditOutcome::Refused.into(),
            ..request()
        })
        .unwrap();
        assert_eq!(read.principal.as_deref(), Some("tenants/dev/principals/app"));
        assert_eq!(read.action.as_deref(), Some("crypto.sign"));
        assert_eq!(read.outcome, Some(OutcomeKind::Refused));
        let system = v1::ListAuditRecordsRequest { principal: "system".into(), ..request() };
        assert_eq!(filter(&system).unwrap().principal.as_deref(), Some("system"));
        let fault = |request| filter(&request).unwrap_err().at_field();
        assert_eq!(fault(v1::ListAuditRecordsRequest { principal: "A B".into(), ..request() }), Some("principal"));
        assert_eq!(fault(v1::ListAuditRecordsRequest { key: "k".into(), ..request() }), Some("key"));
        assert_eq!(fault(v1::ListAuditRecordsRequest { operation: "x".into(), ..request() }), Some("operation"));
        assert_eq!(fault(v1::ListAuditRecordsRequest { outcome: 9, ..request() }), Some("outcome"));
        assert_eq!(fault(v1::ListAuditRecordsRequest::default()), Some("parent"));
    }

    #[test]
    fn a_foreign_principal_keeps_its_whole_name() {
        let shown = |principal: &str| {
            let entry = AuditEntry::done(5, Arc::from(principal), Action::Sign, "tenants/dev/keys/k");
            let item = AuditItem { writer: "aa".into(), sequence: 1, entry };
            record(item, &TenantId::parse("dev").unwrap()).principal
        };
        assert_eq!(shown("tenants/dev/principals/app"), "app");
        assert_eq!(shown("tenants/other/principals/app"), "tenants/other/principals/app");
        assert_eq!(shown("system"), "system");
    }

    #[test]
    fn batches_are_counted_by_their_input_macs() {
        assert_eq!([item_count(0), item_count(32), item_count(64), item_count(64 * 32)], [0, 0, 2, 64]);
    }
}
