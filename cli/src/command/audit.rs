use std::{path::PathBuf, time::SystemTime};

use clap::{Args, Subcommand};
use hufu_sdk::{AuditFilter, KeyRef, offline, v1};

use super::key_without_version;
use crate::{
    app::App,
    args::{limit, word},
    failure::Failure,
    input,
    sink::{self, Access, Replacement},
    time::parse_time,
    view::audit::{CheckView, ExportView, RecordListView, ReportView, SegmentView},
};

/// Longest line of an export that is read, in bytes: a segment has at most 256 records.
const LINE_LEN_MAX: usize = 64 << 20;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List records, the newest first
    List(List),
    /// Have the service check its audit; ends with 0 when it is intact and with 1 when it is not
    Verify,
    /// Write the sealed segments, one JSON object a line, for a check elsewhere
    Export(Export),
    /// Check an export; needs no service. Ends with 0 when it is intact and with 1 when it is not
    Check(Check),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only of this key and its versions
    #[arg(long, value_name = "NAME", value_parser = key_without_version)]
    key: Option<KeyRef>,
    /// Only by this principal
    #[arg(long, value_name = "ID")]
    principal: Option<String>,
    /// Only this operation, for example `Sign`
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// Only with this outcome
    #[arg(long, value_parser = word::<v1::AuditOutcome>(), ignore_case = true)]
    outcome: Option<v1::AuditOutcome>,
    /// Only at or after this time, for example 2025-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<SystemTime>,
    /// Only before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<SystemTime>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = limit())]
    limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Where they go
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The export
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Command {
    pub(crate) async fn run(self, app: &App) -> Result<(), Failure> {
        match self {
            Self::List(command) => command.run(app).await,
            Self::Verify => verify(app).await,
            Self::Export(command) => command.run(app).await,
            Self::Check(command) => command.run(app),
        }
    }
}

impl List {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let client = app.client()?;
        let filter = AuditFilter {
            key: self.key,
            principal: self.principal,
            operation: self.operation,
            outcome: self.outcome,
            since: self.since,
            until: self.until,
            page_size: Some(u16::try_from(self.limit.clamp(1, 1000)).unwrap_or(1000)),
        };
        let (records, more) = client.audit_records(filter).take(self.limit).await?;
        app.output.show(&RecordListView::new(&records, more))
    }
}

impl Export {
    async fn run(self, app: &App) -> Result<(), Failure> {
        let mut segments = app.client()?.export_audit().await?;
        let mut file = match sink::is_stdout(&self.out) {
            true => None,
            false => Some(Replacement::begin(&self.out, Access::Secret)?),
        };
        let mut total = ExportView::default();
        while let Some(segment) = segments.next().await? {
            let line = SegmentView::new(&segment).line()?;
            match &mut file {
                Some(file) => file.write(line.as_bytes())?,
                None => sink::write_stdout(line.as_bytes())?,
            }
            total.count(&segment);
        }
        if let Some(file) = file {
            file.commit()?;
        }
        app.remark(&self.out, &total)
    }
}

impl Check {
    fn run(self, app: &App) -> Result<(), Failure> {
        let mut check = offline::AuditCheck::default();
        let mut segment_count = 0;
        for line in input::lines(&self.file, LINE_LEN_MAX)? {
            let (line, number) = (line?, segment_count + 1);
            let wrong = |why: &str| Failure::Negative(format!("the export is not intact: line {number}: {why}"));
            let segment = SegmentView::read(&line).ok_or_else(|| wrong("is no exported segment"))?;
            segment.follow(&mut check).map_err(|error| wrong(&error.to_string()))?;
            segment_count = number;
        }
        app.output.show(&CheckView::new(segment_count, &check))
    }
}

async fn verify(app: &App) -> Result<(), Failure> {
    let report = app.client()?.verify_audit().await?;
    app.output.show(&ReportView::new(&report))?;
    if report.intact { Ok(()) } else { Err(Failure::Negative("the audit is not intact".to_owned())) }
}
