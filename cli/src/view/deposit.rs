use hufu_sdk::v1;
use hufu_shares::{Manifest, Scheme, SignedManifest};
use serde::Serialize;

use super::{last, share::SetView, time};
use crate::{
    failure::Failure,
    output::View,
    table::{clean, pairs, table},
};

/// A deposit in a service.
#[derive(Serialize)]
pub(crate) struct DepositView {
    name: String,
    /// SHA-256 of the public key of a private key, or what the dealer committed to for other keys: what a recovery names.
    fingerprint: String,
    /// Whether it is that of a public key.
    has_public_key: bool,
    create_time: Option<String>,
    /// When it is given up, if somebody asked for it.
    delete_time: Option<String>,
    #[serde(flatten)]
    set: SetView,
}

impl DepositView {
    pub(crate) fn new(deposit: &v1::Deposit) -> Result<Self, Failure> {
        let signed = SignedManifest::from_bytes(&deposit.manifest)?;
        let manifest = signed.unverified();
        Ok(Self {
            name: clean(&deposit.name),
            fingerprint: hex::encode(manifest.fingerprint()),
            has_public_key: matches!(manifest.scheme(), Scheme::Feldman { .. }),
            create_time: time(deposit.create_time),
            delete_time: time(deposit.delete_time),
            set: SetView::new(manifest),
        })
    }
}

impl View for DepositView {
    fn text(&self) -> String {
        let fingerprint = if self.has_public_key { "public key" } else { "commitment" };
        let head = [
            ("deposit", self.name.clone()),
            ("since", self.create_time.clone().unwrap_or_default()),
            (fingerprint, self.fingerprint.clone()),
        ];
        let end = self.delete_time.clone().map(|at| ("given up at", at));
        pairs(head.into_iter().chain(end).chain(self.set.pairs()).chain(self.set.people()))
    }
}

/// A deposit that is to be given up.
#[derive(Serialize)]
pub(crate) struct DeletionView {
    deposit: String,
    /// When; nothing when it has been already.
    delete_time: Option<String>,
}

impl DeletionView {
    pub(crate) fn new(id: &str, told: &v1::DeleteDepositResponse) -> Self {
        Self { deposit: clean(id), delete_time: time(told.delete_time) }
    }
}

impl View for DeletionView {
    fn text(&self) -> String {
        let Some(at) = &self.delete_time else { return format!("{} is given up.\n", self.deposit) };
        let Self { deposit, .. } = self;
        format!("{deposit} is given up at {at}. Until then `hufu deposit cancel-delete {deposit}` takes it back.\n")
    }
}

/// Deposits, a line each.
#[derive(Serialize)]
pub(crate) struct DepositsView {
    deposits: Vec<DepositView>,
    /// Whether there are more.
    more: bool,
}

impl DepositsView {
    pub(crate) fn new(deposits: &[v1::Deposit], more: bool) -> Result<Self, Failure> {
        Ok(Self { deposits: deposits.iter().map(DepositView::new).collect::<Result<_, _>>()?, more })
    }
}

impl View for DepositsView {
    fn text(&self) -> String {
        let row = |one: &DepositView| {
            let (threshold, count) = one.set.quorum();
            vec![
                last(&one.name).to_owned(),
                format!("{threshold}/{count}"),
                one.create_time.clone().unwrap_or_default(),
                one.set.id().to_owned(),
            ]
        };
        let rows: Vec<_> = self.deposits.iter().map(row).collect();
        let more = if self.more { "there are more: see `--limit`\n" } else { "" };
        format!("{}{more}", table(&["NAME", "SHARES", "SINCE", "SHARE SET"], &rows))
    }
}

/// A deposit that is together again.
#[derive(Serialize)]
pub(crate) struct RecoveredView {
    deposit: String,
    ceremony: u64,
    /// Whose shares did it.
    shares_of: Vec<String>,
    #[serde(flatten)]
    set: SetView,
}

impl RecoveredView {
    pub(crate) fn new(name: impl ToString, ceremony: u64, manifest: &Manifest, by: &[String]) -> Self {
        Self { deposit: name.to_string(), ceremony, shares_of: by.to_vec(), set: SetView::new(manifest) }
    }
}

impl View for RecoveredView {
    fn text(&self) -> String {
        let head = [
            ("recovered", self.deposit.clone()),
            ("ceremony", self.ceremony.to_string()),
            ("by the shares of", self.shares_of.join(", ")),
        ];
        let text = pairs(head.into_iter().chain(self.set.pairs()));
        format!("{text}Others have helped to put this key together: replace it where you can.\n")
    }
}
