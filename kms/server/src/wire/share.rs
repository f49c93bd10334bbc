//! Share sets and deposits on the wire.

use hufu_core::name::ShareSetName;
use hufu_engine::api::{DepositTerms, DepositView, ShareEpoch, ShareSetView};
use hufu_proto::v1;

use super::time::timestamp;

/// A share set as the wire shows it.
#[must_use]
pub fn share_set(view: &ShareSetView) -> v1::ShareSet {
    v1::ShareSet {
        name: view.name.to_string(),
        subject: view.subject.clone(),
        current: Some(epoch(&view.current)),
        next: view.next.as_ref().map(epoch),
        create_time: Some(timestamp(view.created_at)),
    }
}

fn epoch(of: &ShareEpoch) -> v1::ShareEpoch {
    let manifest = of.manifest();
    v1::ShareEpoch {
        epoch: manifest.epoch(),
        manifest: of.signed().to_bytes(),
        threshold: manifest.threshold().into(),
        custodians: manifest.seats().iter().map(|seat| seat.custodian.to_string()).collect(),
        required: of.required().into(),
        confirmed: of.confirmed().iter().map(ToString::to_string).collect(),
        awaited: of.awaited().iter().map(ToString::to_string).collect(),
    }
}

/// A deposit as the wire shows it.
#[must_use]
pub fn deposit(view: DepositView) -> v1::Deposit {
    let set = ShareSetName { tenant: view.name.tenant.clone(), set: view.set };
    v1::Deposit {
        name: view.name.to_string(),
        share_set: set.to_string(),
        manifest: view.manifest,
        create_time: Some(timestamp(view.created_at)),
        delete_time: view.delete_at.map(timestamp),
    }
}

/// Terms of deposits as the wire shows them.
#[must_use]
pub fn deposit_terms(terms: DepositTerms) -> v1::DepositTerms {
    v1::DepositTerms {
        roster: terms.roster,
        dealer: terms.dealer,
        threshold_min: terms.threshold_min.into(),
        service_time: Some(timestamp(terms.now_ms)),
    }
}
