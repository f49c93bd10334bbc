use hufu_shares::{HandoverRequest, Manifest, Share, Wanted};
use serde::Serialize;

use super::custodian::words_text;
use crate::{
    custody::share::{Asked, Held},
    output::View,
    table::pairs,
    time::rfc3339_millis,
};

/// What is publicly known of a set of shares.
#[derive(Serialize)]
pub(super) struct SetView {
    /// What is shared.
    subject: String,
    share_set: String,
    epoch: u32,
    /// SHA-256 of the manifest: names set, epoch, and all that is said of them.
    manifest: String,
    /// So many shares open it.
    threshold: u8,
    custodians: Vec<String>,
    roster_hash: String,
    dealt_at: Option<String>,
}

impl SetView {
    pub(super) fn new(manifest: &Manifest) -> Self {
        Self {
            subject: manifest.subject().name.clone(),
            share_set: manifest.set().to_string(),
            epoch: manifest.epoch(),
            manifest: manifest.digest().to_string(),
            threshold: manifest.threshold(),
            custodians: manifest.seats().iter().map(|seat| seat.custodian.to_string()).collect(),
            roster_hash: manifest.roster().to_string(),
            dealt_at: rfc3339_millis(manifest.made_at_ms()),
        }
    }

    /// How many open it, and how many there are.
    pub(super) fn quorum(&self) -> (u8, usize) {
        (self.threshold, self.custodians.len())
    }

    /// The set.
    pub(super) fn id(&self) -> &str {
        &self.share_set
    }

    /// Who holds them.
    pub(super) fn people(&self) -> [(&'static str, String); 4] {
        [
            ("shares", format!("any {} of {} open it", self.threshold, self.custodians.len())),
            ("custodians", self.custodians.join(", ")),
            ("roster", self.roster_hash.clone()),
            ("dealt at", self.dealt_at.clone().unwrap_or_default()),
        ]
    }

    pub(super) fn pairs(&self) -> [(&'static str, String); 4] {
        [
            ("shares of", self.subject.clone()),
            ("share set", self.share_set.clone()),
            ("epoch", self.epoch.to_string()),
            ("manifest", self.manifest.clone()),
        ]
    }
}

/// A share that is good.
#[derive(Serialize)]
pub(crate) struct ShareView {
    custodian: String,
    /// From 1.
    index: u8,
    /// Whether it was opened and checked.
    checked: bool,
    #[serde(flatten)]
    set: SetView,
}

impl ShareView {
    pub(crate) fn new(share: &Share) -> Self {
        Self { checked: true, ..Self::sealed(share) }
    }

    /// One that nobody has opened.
    pub(crate) fn sealed(share: &Share) -> Self {
        let manifest = share.manifest().unverified();
        let custodian = manifest.seat(share.index()).map(|seat| seat.custodian.to_string()).unwrap_or_default();
        Self { custodian, index: share.index(), checked: false, set: SetView::new(manifest) }
    }

    fn place(&self) -> String {
        let (index, shares, threshold) = (self.index, self.set.custodians.len(), self.set.threshold);
        format!("{index} of {shares}; any {threshold} of them open it")
    }
}

impl View for ShareView {
    fn text(&self) -> String {
        let own = [("custodian", self.custodian.clone()), ("share", self.place())];
        let more = [
            ("custodians", self.set.custodians.join(", ")),
            ("roster", self.set.roster_hash.clone()),
            ("dealt at", self.set.dealt_at.clone().unwrap_or_default()),
        ];
        let share = pairs(own.into_iter().chain(self.set.pairs()).chain(more));
        let checked = if self.checked {
            "The share is good: it opens, and is what was dealt."
        } else {
            "The share is sealed: its custodian opens and checks it with `hufu custodian share check`."
        };
        format!("{checked}\n{share}")
    }
}

/// What a target asks of custodians.
#[derive(Serialize)]
pub(super) struct RequestView {
    /// `unseal`.
    wanted: &'static str,
    /// SHA-256 of the SubjectPublicKeyInfo of the key that shares are sealed to.
    target: String,
    expires_at: Option<String>,
    request_digest: String,
    request_words: String,
}

impl RequestView {
    pub(super) fn new(request: &HandoverRequest) -> Self {
        Self {
            wanted: match request.wanted {
                Wanted::Unseal => "unseal",
            },
            target: hex::encode(request.target.fingerprint()),
            expires_at: rfc3339_millis(request.expires_at_ms),
            request_digest: hex::encode(request.digest()),
            request_words: hufu_custodian::words(&request.digest()),
        }
    }

    pub(super) fn pairs(&self) -> [(&'static str, String); 3] {
        [
            ("sealed to", self.target.clone()),
            ("until", self.expires_at.clone().unwrap_or_default()),
            ("request", self.request_digest.clone()),
        ]
    }

    /// The words of the request, in lines that can be read out.
    pub(super) fn words_text(&self) -> String {
        words_text(&self.request_words)
    }
}

/// A share on its way.
#[derive(Serialize)]
pub(crate) struct HandoverView {
    asked_by: String,
    #[serde(flatten)]
    request: RequestView,
    #[serde(flatten)]
    share: ShareView,
}

impl HandoverView {
    pub(crate) fn new(held: &Held<'_>, asked: &Asked) -> Self {
        Self {
            asked_by: asked.by.clone(),
            request: RequestView::new(&asked.request),
            share: ShareView::new(&held.share),
        }
    }

    /// What the custodian is asked.
    pub(crate) fn question(&self) -> String {
        format!("{}\nWhoever has enough shares has the root. Hand this share over?", self.text())
    }

    fn wanted(&self) -> &'static str {
        match self.request.wanted {
            "unseal" => "to open a server whose root is split, for this one start of it",
            other => other,
        }
    }
}

impl View for HandoverView {
    fn text(&self) -> String {
        let head = [
            ("wanted", self.wanted().to_owned()),
            ("asked by", self.asked_by.clone()),
            ("custodian", self.share.custodian.clone()),
            ("share", self.share.place()),
        ];
        let all = head.into_iter().chain(self.share.set.pairs()).chain(self.request.pairs());
        format!("{}{}", pairs(all), self.request.words_text())
    }
}
