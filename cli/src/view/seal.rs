use hufu_sdk::v1;
use hufu_shares::{HandoverRequest, SignedManifest};
use serde::Serialize;

use super::{
    share::{RequestView, SetView},
    time,
};
use crate::{output::View, table::pairs};

/// Whether a server is sealed, and whose shares it waits for.
#[derive(Serialize)]
pub(crate) struct SealView {
    /// `sealed` or `unsealed`.
    state: &'static str,
    /// So many shares open it.
    threshold: u32,
    submitted: Vec<String>,
    awaited: Vec<String>,
    expires_at: Option<String>,
    /// As the server says: a custodian's tool believes its own share.
    share_set: Option<SetView>,
    request: Option<RequestView>,
}

impl SealView {
    /// A server that is sealed.
    pub(crate) fn sealed(status: &v1::SealStatus, request: &HandoverRequest, manifest: &SignedManifest) -> Self {
        let who = |here: bool| {
            let seats = status.seats.iter().filter(move |seat| seat.submitted == here);
            seats.map(|seat| seat.custodian.clone()).collect()
        };
        Self {
            state: "sealed",
            threshold: u32::try_from(status.threshold).unwrap_or_default(),
            submitted: who(true),
            awaited: who(false),
            expires_at: time(status.expire_time),
            share_set: Some(SetView::new(manifest.unverified())),
            request: Some(RequestView::new(request)),
        }
    }

    /// A server that has its root.
    pub(crate) fn unsealed() -> Self {
        Self {
            state: "unsealed",
            threshold: 0,
            submitted: Vec::new(),
            awaited: Vec::new(),
            expires_at: None,
            share_set: None,
            request: None,
        }
    }

    fn progress(&self) -> String {
        let (here, threshold) = (self.submitted.len(), self.threshold);
        format!("{here} of {threshold} shares are here; {} hold one", here + self.awaited.len())
    }
}

impl View for SealView {
    fn text(&self) -> String {
        let (Some(set), Some(request)) = (&self.share_set, &self.request) else {
            return pairs([("state", self.state.to_owned())]);
        };
        let head = [
            ("state", self.state.to_owned()),
            ("progress", self.progress()),
            ("here", self.submitted.join(", ")),
            ("awaited", self.awaited.join(", ")),
        ];
        let text = pairs(head.into_iter().chain(set.pairs()).chain(request.pairs()));
        format!("{text}{}", request.words_text())
    }
}
