//! AuditService: the audit trail.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use hufu_core::Error;
use hufu_core::name::TenantId;
use hufu_core::store::SegmentKey;
use hufu_proto::v1;
use hufu_proto::v1::audit_service_server::AuditService;
use tonic::{Request, Response, Status, async_trait};

use super::{Call, Edge, Method};
use crate::error;
use crate::wire::{audit, name, page, too_large};

/// Segments read from the database at once.
const SEGMENTS_AT_ONCE: u32 = 64;
/// Time for each such read.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest writer id.
const WRITER_LEN_MAX: usize = 128;

type Answer<T> = Result<Response<T>, Status>;
type Segments = BoxStream<'static, Result<v1::AuditSegment, Status>>;

#[async_trait]
impl AuditService for Edge {
    type ExportAuditSegmentsStream = Segments;

    async fn list_audit_records(
        &self,
        request: Request<v1::ListAuditRecordsRequest>,
    ) -> Answer<v1::ListAuditRecordsResponse> {
        self.serve(Method::ListAuditRecords, request, list).await
    }

    async fn export_audit_segments(&self, request: Request<v1::ExportAuditSegmentsRequest>) -> Answer<Segments> {
        self.serve(Method::ExportAuditSegments, request, export).await
    }

    async fn verify_audit(&self, request: Request<v1::VerifyAuditRequest>) -> Answer<v1::AuditReport> {
        self.serve(Method::VerifyAudit, request, verify).await
    }
}

async fn list(call: Call, request: v1::ListAuditRecordsRequest) -> Result<v1::ListAuditRecordsResponse, Error> {
    let filter = audit::filter(&request)?;
    let page = page::request(request.page_size, request.page_token)?;
    let found = call.engine.list_audit(&call.caller, &filter, page).await?;
    let records = found.items.into_iter().map(|item| audit::record(item, &filter.tenant)).collect();
    Ok(v1::ListAuditRecordsResponse { records, next_page_token: found.next })
}

async fn verify(call: Call, request: v1::VerifyAuditRequest) -> Result<v1::AuditReport, Error> {
    let tenant = name::tenant(&request.parent, "parent")?;
    Ok(audit::report(call.engine.verify_audit(&call.caller, &tenant).await?))
}

/// The first segments are read at once, so that a refusal is the answer and not the middle of a stream.
async fn export(call: Call, request: v1::ExportAuditSegmentsRequest) -> Result<Segments, Error> {
    if request.writer.len() > WRITER_LEN_MAX {
        return Err(too_large("writer", "any writer's id"));
    }
    let tenant = name::tenant(&request.parent, "parent")?;
    let (writer, from_sequence) = (request.writer, request.from_sequence);
    let mut export =
        Export { call, tenant, writer, from_sequence, after: None, ready: VecDeque::new(), ended: false };
    export.read().await?;
    let step = |mut export: Export| async move {
        let next = export.next().await.map_err(|failure| error::status(&failure))?;
        Ok(next.map(|segment| (segment, export)))
    };
    Ok(stream::try_unfold(export, step).boxed())
}

/// An export under way: it reads on only when the client has taken what was read.
struct Export {
    call: Call,
    tenant: TenantId,
    writer: String,
    from_sequence: u64,
    after: Option<SegmentKey>,
    ready: VecDeque<v1::AuditSegment>,
    ended: bool,
}

impl Export {
    async fn next(&mut self) -> Result<Option<v1::AuditSegment>, Error> {
        while self.ready.is_empty() && !self.ended {
            self.call.caller.deadline = Instant::now() + READ_TIMEOUT;
            self.read().await?;
        }
        Ok(self.ready.pop_front())
    }

    async fn read(&mut self) -> Result<(), Error> {
        let Call { engine, caller } = &self.call;
        let found = engine.export_audit(caller, &self.tenant, self.after.clone(), SEGMENTS_AT_ONCE).await?;
        let Some(last) = found.last().map(|exported| &exported.segment) else {
            self.ended = true;
            return Ok(());
        };
        self.after = Some(SegmentKey { writer: last.writer.clone(), first_seq: last.first_seq });
        for segment in found.into_iter().map(audit::segment) {
            if self.is_wanted(&segment) {
                self.ready.push_back(segment);
            }
        }
        Ok(())
    }

    fn is_wanted(&self, segment: &v1::AuditSegment) -> bool {
        let end = segment.first_sequence.saturating_add(segment.record_count.into());
        (self.writer.is_empty() || self.writer == segment.writer) && end > self.from_sequence
    }
}
