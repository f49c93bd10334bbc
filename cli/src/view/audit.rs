use base64::{Engine as _, engine::general_purpose::STANDARD};
use hufu_sdk::{
    Word as _,
    offline::{AuditCheck, CheckedChain, CheckedSegment, SegmentError},
    v1,
};
use serde::{Deserialize, Serialize};

use super::time;
use crate::{
    failure::Failure,
    output::View,
    table::{pairs, table},
};

/// A list of audit records.
#[derive(Serialize)]
pub(crate) struct RecordListView {
    records: Vec<RecordView>,
    more: bool,
}

#[derive(Serialize)]
struct RecordView {
    time: Option<String>,
    principal: String,
    operation: String,
    resource: String,
    outcome: String,
    reason: Option<String>,
    scheme: Option<String>,
    protection: Option<String>,
    simulated: bool,
    item_count: u32,
    input_mac: String,
    policies: Vec<String>,
    detail: String,
    writer: String,
    sequence: u64,
}

/// A sealed segment: one line of the export.
#[derive(Serialize, Deserialize)]
pub(crate) struct SegmentView {
    writer: String,
    first_sequence: u64,
    record_count: u32,
    previous_head: String,
    head: String,
    records_base64: String,
}

/// How much was exported.
#[derive(Default, Serialize)]
pub(crate) struct ExportView {
    segment_count: u64,
    record_count: u64,
}

/// What an offline check of an export found.
#[derive(Serialize)]
pub(crate) struct CheckView {
    intact: bool,
    segment_count: u64,
    record_count: u64,
    chains: Vec<CheckedChainView>,
}

#[derive(Serialize)]
struct CheckedChainView {
    writer: String,
    record_count: u64,
    head: String,
}

/// What the service found when it checked its audit.
#[derive(Serialize)]
pub(crate) struct ReportView {
    intact: bool,
    chain_count: u64,
    segment_count: u64,
    record_count: u64,
    tree_size: u64,
    chains: Vec<ChainView>,
    findings: Vec<FindingView>,
}

#[derive(Serialize)]
struct ChainView {
    writer: String,
    segment_count: u64,
    record_count: u64,
    head: String,
    anchored_sequence: u64,
}

#[derive(Serialize)]
struct FindingView {
    writer: String,
    sequence: u64,
    detail: String,
}

impl RecordListView {
    pub(crate) fn new(records: &[v1::AuditRecord], more: bool) -> Self {
        Self { records: records.iter().map(RecordView::new).collect(), more }
    }
}

impl RecordView {
    fn new(record: &v1::AuditRecord) -> Self {
        let (scheme, protection) = (record.scheme(), record.protection());
        Self {
            time: time(record.time),
            principal: record.principal.clone(),
            operation: record.operation.clone(),
            resource: record.resource.clone(),
            outcome: record.outcome().word(),
            reason: (!record.reason.is_empty()).then(|| record.reason.clone()),
            scheme: (scheme != v1::Scheme::Unspecified).then(|| scheme.word()),
            protection: (protection != v1::Protection::Unspecified).then(|| protection.word()),
            simulated: record.simulated,
            item_count: record.item_count,
            input_mac: hex::encode(&record.input_mac),
            policies: record.policies.clone(),
            detail: record.detail.clone(),
            writer: record.writer.clone(),
            sequence: record.sequence,
        }
    }
}

impl View for RecordListView {
    fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .records
            .iter()
            .map(|record| {
                vec![
                    record.time.clone().unwrap_or_default(),
                    record.principal.clone(),
                    record.operation.clone(),
                    record.resource.clone(),
                    record.outcome.clone(),
                    record.reason.clone().unwrap_or_default(),
                    record.detail.clone(),
                ]
            })
            .collect();
        let mut text = table(&["TIME", "PRINCIPAL", "OPERATION", "RESOURCE", "OUTCOME", "REASON", "DETAIL"], &rows);
        if self.more {
            text.push_str("there are more: see `--limit`\n");
        }
        text
    }
}

impl SegmentView {
    pub(crate) fn new(segment: &v1::AuditSegment) -> Self {
        Self {
            writer: segment.writer.clone(),
            first_sequence: segment.first_sequence,
            record_count: segment.record_count,
            previous_head: hex::encode(&segment.previous_head),
            head: hex::encode(&segment.head),
            records_base64: STANDARD.encode(&segment.records),
        }
    }

    /// The segment as one line of JSON.
    pub(crate) fn line(&self) -> Result<String, Failure> {
        serde_json::to_string(self)
            .map(|json| json + "\n")
            .map_err(|cause| Failure::Write { name: "JSON".to_owned(), cause: cause.into() })
    }
}

impl SegmentView {
    /// Reads what [`Self::line`] wrote.
    pub(crate) fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// Checks that the segment continues its chain. What is not hexadecimal or base64 fits nothing.
    pub(crate) fn follow(&self, check: &mut AuditCheck) -> Result<(), SegmentError> {
        let head = |text: &str| hex::decode(text).map_err(|_| SegmentError::Malformed);
        check.follow(CheckedSegment {
            writer: &self.writer,
            first_sequence: self.first_sequence,
            record_count: self.record_count,
            previous_head: &head(&self.previous_head)?,
            head: &head(&self.head)?,
            records: &STANDARD.decode(&self.records_base64).map_err(|_| SegmentError::Malformed)?,
        })
    }
}

impl CheckView {
    pub(crate) fn new(segment_count: u64, check: &AuditCheck) -> Self {
        let chain = |(writer, chain): (&String, &CheckedChain)| CheckedChainView {
            writer: writer.clone(),
            record_count: chain.record_count,
            head: hex::encode(chain.head),
        };
        let record_count = check.chains().values().map(|chain| chain.record_count).sum();
        Self { intact: true, segment_count, record_count, chains: check.chains().iter().map(chain).collect() }
    }
}

impl View for CheckView {
    fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .chains
            .iter()
            .map(|chain| vec![chain.writer.clone(), chain.record_count.to_string(), chain.head.clone()])
            .collect();
        format!(
            "intact: {} records in {} segments\n\n{}what was cut off at the end of a chain shows in its head alone\n",
            self.record_count,
            self.segment_count,
            table(&["WRITER", "RECORDS", "HEAD"], &rows)
        )
    }
}

impl ExportView {
    pub(crate) fn count(&mut self, segment: &v1::AuditSegment) {
        self.segment_count += 1;
        self.record_count += u64::from(segment.record_count);
    }
}

impl View for ExportView {
    fn text(&self) -> String {
        format!("{} records in {} segments\n", self.record_count, self.segment_count)
    }
}

impl ReportView {
    pub(crate) fn new(report: &v1::AuditReport) -> Self {
        Self {
            intact: report.intact,
            chain_count: report.chain_count,
            segment_count: report.segment_count,
            record_count: report.record_count,
            tree_size: report.tree_size,
            chains: report.chains.iter().map(ChainView::new).collect(),
            findings: report.findings.iter().map(FindingView::new).collect(),
        }
    }
}

impl ChainView {
    fn new(chain: &v1::AuditChain) -> Self {
        Self {
            writer: chain.writer.clone(),
            segment_count: chain.segment_count,
            record_count: chain.record_count,
            head: hex::encode(&chain.head),
            anchored_sequence: chain.anchored_sequence,
        }
    }
}

impl FindingView {
    fn new(finding: &v1::AuditFinding) -> Self {
        Self { writer: finding.writer.clone(), sequence: finding.sequence, detail: finding.detail.clone() }
    }
}

impl View for ReportView {
    fn text(&self) -> String {
        let mut text = pairs([
            ("intact", if self.intact { "yes" } else { "NO" }.to_owned()),
            ("chains", self.chain_count.to_string()),
            ("segments", self.segment_count.to_string()),
            ("records", self.record_count.to_string()),
            ("ledger", format!("checkpoint {}", self.tree_size)),
        ]);
        if !self.findings.is_empty() {
            let rows: Vec<Vec<String>> = self
                .findings
                .iter()
                .map(|finding| vec![finding.writer.clone(), finding.sequence.to_string(), finding.detail.clone()])
                .collect();
            text.push('\n');
            text.push_str(&table(&["WRITER", "SEQUENCE", "FINDING"], &rows));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_one_line() {
        let segment =
            v1::AuditSegment { writer: "ab".into(), head: vec![255], records: vec![0], ..Default::default() };
        assert_eq!(
            SegmentView::new(&segment).line().unwrap(),
            "{\"writer\":\"ab\",\"first_sequence\":0,\"record_count\":0,\"previous_head\":\"\",\"head\":\"ff\",\
             \"records_base64\":\"AA==\"}\n"
        );
    }

    #[test]
    fn findings_are_told() {
        let finding = v1::AuditFinding { writer: "ab".into(), sequence: 7, detail: "head does not match".into() };
        let text = ReportView::new(&v1::AuditReport { findings: vec![finding], ..Default::default() }).text();
        assert!(text.starts_with("intact    NO\n"), "{text}");
        assert!(text.contains("ab      7         head does not match\n"), "{text}");
    }

    #[test]
    fn records_hide_what_does_not_apply() {
        let record = v1::AuditRecord { operation: "Sign".into(), outcome: 1, ..Default::default() };
        let json = serde_json::to_value(RecordListView::new(&[record], false)).unwrap();
        assert_eq!(json["records"][0]["outcome"], "allowed");
        assert_eq!(json["records"][0]["scheme"], serde_json::Value::Null);
    }
}
