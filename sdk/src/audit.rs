use std::time::SystemTime;

use hufu_proto::v1;
use tonic::{Request, Streaming};

use crate::{Client, Error, KeyRef, Pages, client::audit, retry::Repeat, wire};

/// Which audit records are wanted; what is not set does not narrow the list.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only of this key and its versions.
    pub key: Option<KeyRef>,
    /// Only by this principal.
    pub principal: Option<String>,
    /// Only this operation, for example `Sign`.
    pub operation: Option<String>,
    /// Only with this outcome.
    pub outcome: Option<v1::AuditOutcome>,
    /// Only at or after this time.
    pub since: Option<SystemTime>,
    /// Only before this time.
    pub until: Option<SystemTime>,
    /// Records in a page: 1 to 1000.
    pub page_size: Option<u16>,
}

/// The sealed segments of the audit, as they arrive.
#[derive(Debug)]
pub struct AuditSegments(Streaming<v1::AuditSegment>);

impl AuditSegments {
    /// The next segment, or `None` after the last one.
    ///
    /// # Errors
    /// [`Error`] when the stream breaks; it does not go on then.
    pub async fn next(&mut self) -> Result<Option<v1::AuditSegment>, Error> {
        self.0.message().await.map_err(|status| wire::error(&status))
    }
}

/// The audit. Each method fails with [`Error`] as the service answers.
impl Client {
    /// Lists records, the newest first.
    pub fn audit_records(&self, filter: AuditFilter) -> Pages<'_, v1::AuditRecord> {
        let request = v1::ListAuditRecordsRequest {
            parent: self.parent(),
            page_size: filter.page_size.unwrap_or(0).into(),
            page_token: String::new(),
            key: filter.key.map(|key| key.key_name(self.tenant())).unwrap_or_default(),
            principal: filter.principal.unwrap_or_default(),
            operation: filter.operation.unwrap_or_default(),
            outcome: filter.outcome.unwrap_or_default().into(),
            start_time: filter.since.map(wire::timestamp),
            end_time: filter.until.map(wire::timestamp),
        };
        Pages::new(move |page_token| {
            let request = v1::ListAuditRecordsRequest { page_token, ..request.clone() };
            Box::pin(async move {
                let page = self
                    .call(Repeat::Safe, request, |channel, request| async move {
                        audit(channel).list_audit_records(request).await
                    })
                    .await?;
                Ok((page.records, page.next_page_token))
            })
        })
    }

    /// Streams the sealed segments, the oldest first.
    ///
    /// # Errors
    /// See above.
    pub async fn export_audit(&self) -> Result<AuditSegments, Error> {
        let request =
            v1::ExportAuditSegmentsRequest { parent: self.parent(), writer: String::new(), from_sequence: 0 };
        // The time limit of a call is for its answer; what follows in the stream may take longer.
        let mut client = audit(self.channel());
        let answer = tokio::time::timeout(self.timeout(), client.export_audit_segments(Request::new(request)))
            .await
            .map_err(|_| wire::timed_out())?
            .map_err(|status| wire::error(&status))?;
        Ok(AuditSegments(answer.into_inner()))
    }

    /// Lets the service check its audit. To check without trusting it, export the segments.
    ///
    /// # Errors
    /// See above.
    pub async fn verify_audit(&self) -> Result<v1::AuditReport, Error> {
        let request = v1::VerifyAuditRequest { parent: self.parent() };
        self.call(Repeat::Safe, request, |channel, request| async move { audit(channel).verify_audit(request).await })
            .await
    }
}
