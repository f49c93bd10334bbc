//! The audit trail for readers: list, export, verify.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use hufu_audit::{Chain, open_segment, redact};
use hufu_core::audit::{AuditEntry, AuditOutcome};
use hufu_core::changeset::{Collection, RowSeal as _};
use hufu_core::name::TenantId;
use hufu_core::policy::Action;
use hufu_core::store::{Segment, SegmentKey};
use hufu_core::{Error, Reason};
use hufu_log::audit_leaf_scope;
use hufu_verify::Leaf;

use crate::api::{
    AuditChain, AuditFilter, AuditItem, AuditReport, Caller, ExportedSegment, OutcomeKind, PageRequest, Paged,
};
use crate::engine::Engine;
use crate::fault;
use crate::holder::SHARES;
use crate::keys::{page_size, page_token_invalid};
use crate::leaf::NEXT_SEQ;
use crate::lifecycle::{SERVER, parse_closing};

/// Segments read at once.
const SEGMENTS_PAGE: u32 = 32;
/// Longest name of a writer in a page token.
const WRITER_LEN_MAX: usize = 128;
/// Leaves checked at once.
const LEAVES_PAGE: u64 = 1_024;
/// Segments looked through for one page of a list; a sparse filter then gives a short page and a token.
const SEGMENTS_PER_LIST_MAX: u32 = 65_536;

impl Engine {
    /// Audit records of a tenant, the newest first: by writer and number, both descending.
    ///
    /// # Errors
    /// [`Reason::PageTokenInvalid`].
    pub async fn list_audit(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Paged<AuditItem>, Error> {
        let result = match self.authorize(caller, Action::ReadAudit, &filter.tenant, None) {
            Ok(_) => self.list_audit_checked(filter, &page).await,
            Err(error) => Err(error),
        };
        self.conclude(caller, Action::ReadAudit, || format!("tenants/{}", filter.tenant), result).await
    }

    /// Segments after a key; the records of other tenants are replaced by their hashes.
    ///
    /// # Errors
    /// [`Reason::Quarantined`] when a segment cannot be read.
    pub async fn export_audit(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        after: Option<SegmentKey>,
        limit: u32,
    ) -> Result<Vec<ExportedSegment>, Error> {
        let result = match self.authorize(caller, Action::ReadAudit, tenant, None) {
            Ok(_) => self.export_checked(tenant, after, limit).await,
            Err(error) => Err(error),
        };
        self.conclude(caller, Action::ReadAudit, || format!("tenants/{tenant}"), result).await
    }

    /// Verifies the whole trail: every chain from its beginning, against the audit heads on the ledger, and the ledger
    /// itself, leaf by leaf.
    ///
    /// # Errors
    /// Those of the database. What is wrong with the trail is in the report.
    pub async fn verify_audit(&self, caller: &Caller, tenant: &TenantId) -> Result<AuditReport, Error> {
        let result = match self.authorize(caller, Action::ReadAudit, tenant, None) {
            Ok(_) => self.verify_trail().await,
            Err(error) => Err(error),
        };
        self.conclude(caller, Action::ReadAudit, || format!("tenants/{tenant}"), result).await
    }

    async fn list_audit_checked(&self, filter: &AuditFilter, page: &PageRequest) -> Result<Paged<AuditItem>, Error> {
        let size = page_size(page) as usize;
        let start = parse_token(&page.token)?;
        // The last page may have ended inside a segment: begin again with that segment.
        let mut before =
            start.as_ref().map(|(writer, sequence)| SegmentKey { writer: writer.clone(), first_seq: *sequence });
        let (mut items, mut seen) = (Vec::new(), 0);
        while seen < SEGMENTS_PER_LIST_MAX {
            let segments = self.store.segments_before(before.as_ref(), SEGMENTS_PAGE).await.map_err(fault::store)?;
            let Some(first) = segments.last() else { return Ok(Paged { items, next: String::new() }) };
            before = Some(key_of(first));
            for segment in &segments {
                seen += 1;
                for (sequence, entry) in entries(segment, self)?.into_iter().rev() {
                    let listed =
                        start.as_ref().is_some_and(|(writer, from)| *writer == segment.writer && sequence >= *from);
                    if listed || !matches(filter, &entry) {
                        continue;
                    }
                    items.push(AuditItem { writer: segment.writer.clone(), sequence, entry });
                    if items.len() == size {
                        return Ok(Paged { items, next: token(&segment.writer, sequence) });
                    }
                }
            }
        }
        let next = before.map(|key| token(&key.writer, key.first_seq)).unwrap_or_default();
        Ok(Paged { items, next })
    }

    async fn export_checked(
        &self,
        tenant: &TenantId,
        after: Option<SegmentKey>,
        limit: u32,
    ) -> Result<Vec<ExportedSegment>, Error> {
        let limit = limit.clamp(1, SEGMENTS_PAGE);
        let segments = self.store.segments(after.as_ref(), limit).await.map_err(fault::store)?;
        let export = |mut segment: Segment| {
            let exported =
                redact(&segment, |entry| concerns(tenant, entry)).map_err(|error| self.unreadable(&error))?;
            segment.records = exported.to_bytes();
            Ok(ExportedSegment { segment })
        };
        segments.into_iter().map(export).collect()
    }

    async fn verify_trail(&self) -> Result<AuditReport, Error> {
        let mut report = AuditReport { ledger_size: self.ledger.size().await?, ..AuditReport::default() };
        let mut after: Option<SegmentKey> = None;
        let mut walk: Option<Walk> = None;
        let mut ends = Ends::default();
        loop {
            let segments = self.store.segments(after.as_ref(), SEGMENTS_PAGE).await.map_err(fault::store)?;
            let Some(last) = segments.last() else { break };
            after = Some(key_of(last));
            for segment in &segments {
                let current = match walk.take() {
                    Some(walk) if walk.chain.writer() == segment.writer => walk,
                    before => {
                        before.into_iter().for_each(|walk| walk.end(&mut ends, &mut report));
                        Walk::begin(&segment.writer, self.anchor(&segment.writer).await?)
                    }
                };
                walk = Some(current.follow(segment, &mut ends, &mut report));
            }
        }
        walk.into_iter().for_each(|walk| walk.end(&mut ends, &mut report));
        ends.compare(&mut report);
        self.verify_ledger(&mut report).await?;
        Ok(report)
    }

    /// Every leaf of the ledger against its tree, and the tree against the signed root.
    async fn verify_ledger(&self, report: &mut AuditReport) -> Result<(), Error> {
        let mut next = Some(0);
        while let Some(from) = next {
            let (findings, then) = self.ledger.scrub(from, LEAVES_PAGE).await?;
            findings.into_iter().for_each(|words| finding(report, "ledger", from, words));
            next = then;
        }
        Ok(())
    }

    /// The newest audit head of a writer that the ledger has.
    async fn anchor(&self, writer: &str) -> Result<Option<Anchor>, Error> {
        let row = self.store.last(Collection::Leaf, &audit_leaf_scope(writer)).await.map_err(fault::store)?;
        let Some(row) = row.filter(|row| self.keyring.is_genuine(row)) else { return Ok(None) };
        let Ok(leaf) = Leaf::decode(&row.body) else { return Ok(None) };
        let next_seq = leaf.extensions.get(NEXT_SEQ).and_then(|bytes| bytes.as_slice().try_into().ok());
        Ok(next_seq.map(|bytes| Anchor { next_seq: u64::from_be_bytes(bytes), head: leaf.evidence }))
    }

    fn unreadable(&self, error: &hufu_audit::AuditError) -> Error {
        self.alarms.raise(crate::alarms::QUARANTINE, "audit", &error.to_string());
        Error::new(Reason::Quarantined, "an audit segment cannot be read").because(error)
    }
}

/// What the ledger says of a chain.
#[derive(Clone, Copy)]
struct Anchor {
    next_seq: u64,
    head: [u8; 32],
}

/// A chain on its way through verification.
struct Walk {
    chain: Chain,
    segments: u64,
    anchor: Option<Anchor>,
}

impl Walk {
    fn begin(writer: &str, anchor: Option<Anchor>) -> Self {
        Self { chain: Chain::new(writer), segments: 0, anchor }
    }

    fn follow(mut self, segment: &Segment, ends: &mut Ends, report: &mut AuditReport) -> Self {
        match self.chain.follow(segment) {
            Ok(entries) => ends.recorded(&entries),
            Err(error) => {
                finding(report, &segment.writer, segment.first_seq, error.to_string());
                // Go on behind it, so that one damaged segment does not hide the next.
                self.chain.advance(segment);
            }
        }
        self.segments += 1;
        if self.anchor.is_some_and(|a| a.next_seq == self.chain.next_seq() && a.head != self.chain.head()) {
            finding(report, &segment.writer, segment.first_seq, "the ledger has another head here".to_owned());
        }
        self
    }

    fn end(self, ends: &mut Ends, report: &mut AuditReport) {
        ends.walked(&self.chain);
        let Self { chain, segments, anchor } = self;
        let anchored = anchor.map_or(0, |anchor| anchor.next_seq);
        if anchored > chain.next_seq() {
            let words =
                format!("the ledger knows {anchored} records, {} are left: the tail was cut", chain.next_seq());
            finding(report, chain.writer(), chain.next_seq(), words);
        }
        report.chain_count += 1;
        report.segment_count += segments;
        report.record_count += chain.next_seq();
        if report.chains.len() < AuditReport::CHAINS_MAX {
            let (writer, records, head) = (chain.writer().to_owned(), chain.next_seq(), chain.head());
            report.chains.push(AuditChain { writer, segments, records, head, anchored });
        }
    }
}

/// Where chains end, held against what later servers recorded of it. Compared when everything has been walked: a clock that
/// was set back puts a later server's chain before an earlier one's.
#[derive(Default)]
struct Ends {
    walked: HashMap<String, (u64, [u8; 32])>,
    recorded: HashSet<(String, u64, [u8; 32])>,
}

impl Ends {
    /// Most chains compared; each start of a server makes one.
    const CHAINS_MAX: usize = 65_536;

    fn walked(&mut self, chain: &Chain) {
        self.walked.insert(chain.writer().to_owned(), (chain.next_seq(), chain.head()));
    }

    fn recorded(&mut self, entries: &[AuditEntry]) {
        for (writer, records, head) in entries.iter().filter_map(parse_closing) {
            if self.recorded.len() < Self::CHAINS_MAX {
                self.recorded.insert((writer.to_owned(), records, head));
            }
        }
    }

    fn compare(self, report: &mut AuditReport) {
        let mut recorded: Vec<_> = self.recorded.into_iter().collect();
        recorded.sort_unstable();
        for (writer, records, head) in recorded {
            let left = self.walked.get(&writer).copied();
            let (found, other) = left.unwrap_or_default();
            let words = match (left, found.cmp(&records)) {
                (None, _) => format!("a later server found {records} records, and all are gone"),
                (_, Ordering::Less) => {
                    format!("a later server found {records} records, {found} are left: the tail was cut")
                }
                (_, Ordering::Greater) => format!("a later server found {records} records, and there are {found}"),
                (_, Ordering::Equal) if other != head => "a later server found another head here".to_owned(),
                _ => continue,
            };
            finding(report, &writer, found.min(records), words);
        }
    }
}

fn finding(report: &mut AuditReport, writer: &str, sequence: u64, words: String) {
    if report.findings.len() < AuditReport::CHAINS_MAX {
        report.findings.push((writer.to_owned(), sequence, words));
    }
}

fn entries(segment: &Segment, engine: &Engine) -> Result<Vec<(u64, AuditEntry)>, Error> {
    let entries = open_segment(segment).map_err(|error| engine.unreadable(&error))?;
    Ok((segment.first_seq..).zip(entries).collect())
}

fn matches(filter: &AuditFilter, entry: &AuditEntry) -> bool {
    let kind = match entry.outcome {
        AuditOutcome::Done => OutcomeKind::Done,
        AuditOutcome::Refused(_) => OutcomeKind::Refused,
        AuditOutcome::Failed(_) => OutcomeKind::Failed,
    };
    concerns(&filter.tenant, entry)
        && filter.key.as_ref().is_none_or(|key| is_under(&entry.resource, &key.to_string()))
        && filter.principal.as_deref().is_none_or(|principal| principal == &*entry.principal)
        && filter.action.as_deref().is_none_or(|action| action == entry.action.name())
        && filter.outcome.is_none_or(|outcome| outcome == kind)
        && filter.from_ms.is_none_or(|from| entry.at >= from)
        && filter.until_ms.is_none_or(|until| entry.at < until)
}

/// Whether a record is about a tenant's resource, or of something one of its principals did, or about the server itself: that it
/// started, and by whose shares, every tenant's auditors may know. Shares of threshold keys are at a holder, which has one tenant.
fn concerns(tenant: &TenantId, entry: &AuditEntry) -> bool {
    let name = format!("tenants/{tenant}");
    let is_own = &*entry.resource == SERVER || is_under(&entry.resource, SHARES);
    is_own || is_under(&entry.resource, &name) || is_under(&entry.principal, &name)
}

fn is_under(resource: &str, name: &str) -> bool {
    resource.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn key_of(segment: &Segment) -> SegmentKey {
    SegmentKey { writer: segment.writer.clone(), first_seq: segment.first_seq }
}

/// Names the record that a page ended with.
fn token(writer: &str, sequence: u64) -> String {
    format!("{writer}.{sequence}")
}

fn parse_token(token: &str) -> Result<Option<(String, u64)>, Error> {
    if token.is_empty() {
        return Ok(None);
    }
    let parts = token.rsplit_once('.').filter(|(writer, _)| writer.len() <= WRITER_LEN_MAX);
    let (writer, sequence) = parts.ok_or_else(page_token_invalid)?;
    let sequence = sequence.parse::<u64>().ok().filter(|sequence| *sequence <= i64::MAX.unsigned_abs());
    Ok(Some((writer.to_owned(), sequence.ok_or_else(page_token_invalid)?)))
}
