//! The Diffie-Hellman step, taken apart: which points, and later with which values.

use std::cell::RefCell;

use hufu_custodian::{Agreement, Error, SealingKey};
use hufu_secret::SecretBytes;
use hufu_shares::{HandedOver, Manifest};

use crate::{Agreed, Opening};

/// The points that the target's key must agree with before [`Opening::agreed`] is complete, each once, at most one for each handover.
/// What is wrong with a handover is found when the task is done.
#[must_use]
pub fn points(opening: &Opening) -> Vec<Vec<u8>> {
    let Ok(manifest) = hufu_shares::SignedManifest::from_bytes(&opening.manifest) else { return Vec::new() };
    let asked = Asked { key: &opening.target, points: RefCell::default() };
    for handover in &opening.handovers {
        ask(opening, manifest.unverified(), handover, &asked);
    }
    asked.points.into_inner()
}

fn ask(opening: &Opening, manifest: &Manifest, handover: &[u8], asked: &Asked<'_>) {
    if let Ok(handed) = HandedOver::from_bytes(handover) {
        // It ends where the point is asked for.
        let _ = handed.open(&opening.roster, manifest, asked, &opening.request);
    }
}

/// Writes down what is asked for.
struct Asked<'a> {
    key: &'a SealingKey,
    points: RefCell<Vec<Vec<u8>>>,
}

impl Agreement for Asked<'_> {
    fn key(&self) -> &SealingKey {
        self.key
    }

    fn agree(&self, peer: &[u8]) -> Result<SecretBytes, Error> {
        let mut points = self.points.borrow_mut();
        if !points.iter().any(|point| point == peer) {
            points.push(peer.to_vec());
        }
        Err(Error::Agreement("it is asked for".to_owned()))
    }
}

/// Answers with what was asked for before.
pub(crate) struct Answered<'a> {
    pub(crate) key: &'a SealingKey,
    pub(crate) agreed: &'a [Agreed],
}

impl Agreement for Answered<'_> {
    fn key(&self) -> &SealingKey {
        self.key
    }

    fn agree(&self, peer: &[u8]) -> Result<SecretBytes, Error> {
        let known = self.agreed.iter().find(|agreed| agreed.point() == peer);
        let known = known.ok_or_else(|| Error::Agreement("nobody asked the target's key for it".to_owned()))?;
        known.value().map(|value| SecretBytes::from_slice(value.expose())).ok_or(Error::NotOpened)
    }
}
