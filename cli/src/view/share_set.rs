use hufu_sdk::v1;
use serde::Serialize;

use super::{last, time};
use crate::{
    output::View,
    table::{clean, pairs, table},
};

/// A share set in a service.
#[derive(Serialize)]
pub(crate) struct ShareSetView {
    name: String,
    subject: String,
    current: Option<EpochView>,
    /// The epoch that is being confirmed.
    next: Option<EpochView>,
    create_time: Option<String>,
}

/// An epoch of it.
#[derive(Serialize)]
struct EpochView {
    epoch: u32,
    threshold: u32,
    custodians: Vec<String>,
    /// So many confirmations it takes before it counts; 0 for the first.
    required: u32,
    confirmed: Vec<String>,
    awaited: Vec<String>,
}

impl ShareSetView {
    pub(crate) fn new(set: &v1::ShareSet) -> Self {
        Self {
            name: clean(&set.name),
            subject: clean(&set.subject),
            current: set.current.as_ref().map(EpochView::new),
            next: set.next.as_ref().map(EpochView::new),
            create_time: time(set.create_time),
        }
    }
}

impl EpochView {
    fn new(epoch: &v1::ShareEpoch) -> Self {
        let all = |names: &[String]| names.iter().map(|name| clean(name)).collect();
        Self {
            epoch: epoch.epoch,
            threshold: epoch.threshold,
            custodians: all(&epoch.custodians),
            required: epoch.required,
            confirmed: all(&epoch.confirmed),
            awaited: all(&epoch.awaited),
        }
    }

    fn lines(&self, what: &str) -> String {
        let needed = match self.required {
            0 => String::new(),
            required => format!("; counts once {required} have confirmed"),
        };
        pairs([
            (what, self.epoch.to_string()),
            ("shares", format!("any {} of {} open it{needed}", self.threshold, self.custodians.len())),
            ("custodians", self.custodians.join(", ")),
            ("confirmed", self.confirmed.join(", ")),
            ("not confirmed", self.awaited.join(", ")),
        ])
    }
}

impl View for ShareSetView {
    fn text(&self) -> String {
        let head = pairs([
            ("share set", self.name.clone()),
            ("shares of", self.subject.clone()),
            ("since", self.create_time.clone().unwrap_or_default()),
        ]);
        let current = self.current.as_ref().map(|epoch| epoch.lines("epoch that counts")).unwrap_or_default();
        let next = self.next.as_ref().map(|epoch| epoch.lines("next epoch")).unwrap_or_default();
        format!("{head}{current}{next}")
    }
}

/// Share sets, a line each.
#[derive(Serialize)]
pub(crate) struct ShareSetsView {
    share_sets: Vec<ShareSetView>,
    /// Whether there are more.
    more: bool,
}

impl ShareSetsView {
    pub(crate) fn new(sets: &[v1::ShareSet], more: bool) -> Self {
        Self { share_sets: sets.iter().map(ShareSetView::new).collect(), more }
    }
}

impl View for ShareSetsView {
    fn text(&self) -> String {
        let row = |one: &ShareSetView| {
            let of = one.current.as_ref();
            let shares = of.map(|of| format!("{}/{}", of.threshold, of.custodians.len())).unwrap_or_default();
            let confirmed = of.map(|of| of.confirmed.len().to_string()).unwrap_or_default();
            let epoch = of.map(|of| of.epoch.to_string()).unwrap_or_default();
            let next = one.next.as_ref().map(|next| format!("{} of {}", next.confirmed.len(), next.required));
            let set = last(&one.name).to_owned();
            vec![set, epoch, shares, confirmed, next.unwrap_or_default(), one.subject.clone()]
        };
        let rows: Vec<_> = self.share_sets.iter().map(row).collect();
        let more = if self.more { "there are more: see `--limit`\n" } else { "" };
        format!("{}{more}", table(&["SET", "EPOCH", "SHARES", "CONFIRMED", "NEXT", "SHARES OF"], &rows))
    }
}
