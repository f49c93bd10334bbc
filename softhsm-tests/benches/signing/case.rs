//! The cases.

use hufu_sdk::v1::{SignBatchRequest, SignItem, SignRequest, sign_item, sign_request};
use tonic_health::pb::HealthCheckRequest;

use crate::common::load::{Sample, Span, measure};
use crate::raw;
use crate::target::{Key, Target};

/// What is signed: as long as two SHA-256 blocks, so that hashing counts for next to nothing.
pub(crate) const MESSAGE: [u8; 64] = [0x5a; 64];

const CALLERS: &[usize] = &[1, 8, 64, 256];
const CALLERS_QUICK: &[usize] = &[1, 8];
/// Callers of batches: enough to keep the server busy.
const BATCH_CALLERS: usize = 16;

/// Something measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Case {
    /// A library in a loop, on one thread.
    Library(Key),
    /// The token in loops, so many sessions.
    Token(usize),
    /// An empty call.
    Empty(usize),
    /// One signature a call, so many callers.
    Sign(Key, usize),
    /// So many signatures a call.
    Batch(Key, u32),
}

impl Case {
    /// Every case. The raw ones come first in each round.
    pub(crate) fn all(quick: bool) -> Vec<Self> {
        let callers = if quick { CALLERS_QUICK } else { CALLERS };
        let mut cases = vec![Self::Library(Key::P256), Self::Library(Key::Sm2), Self::Token(1), Self::Token(2)];
        cases.extend(callers.iter().map(|callers| Self::Empty(*callers)));
        for key in [Key::P256, Key::P256Hsm, Key::Sm2] {
            cases.extend(callers.iter().map(|callers| Self::Sign(key, *callers)));
            cases.extend([64, 256].map(|size| Self::Batch(key, size)));
        }
        cases
    }

    /// What is measured, without the number of callers.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Library(key) => format!("{} in a loop", key.library()),
            Self::Token(1) => "SoftHSM in a loop, 1 session".to_owned(),
            Self::Token(sessions) => format!("SoftHSM in loops, {sessions} sessions"),
            Self::Empty(_) => "empty call".to_owned(),
            Self::Sign(key, _) => format!("Sign, {}", key.words()),
            Self::Batch(key, size) => format!("SignBatch of {size}, {}", key.words()),
        }
    }

    /// Number of callers, or threads.
    pub(crate) fn callers(self) -> usize {
        match self {
            Self::Library(_) => 1,
            Self::Token(callers) | Self::Empty(callers) | Self::Sign(_, callers) => callers,
            Self::Batch(..) => BATCH_CALLERS,
        }
    }

    /// The raw case it is compared with.
    pub(crate) fn baseline(self) -> Option<Self> {
        match self {
            Self::Sign(Key::P256Hsm, _) | Self::Batch(Key::P256Hsm, _) => Some(Self::Token(1)),
            Self::Sign(key, _) | Self::Batch(key, _) => Some(Self::Library(key)),
            Self::Token(_) | Self::Library(_) | Self::Empty(_) => None,
        }
    }

    /// Measures it once.
    pub(crate) async fn measure(self, target: &Target, span: Span) -> Sample {
        let (pid, callers) = (target.pid, self.callers());
        match self {
            Self::Library(key) => raw::library(key, span),
            Self::Token(sessions) => raw::token(sessions, span),
            Self::Empty(_) => {
                let clients = target.health.clone();
                measure(span, callers, pid, 1, move |caller| {
                    let mut client = clients[caller % clients.len()].clone();
                    async move { client.check(HealthCheckRequest::default()).await.map(drop) }
                })
                .await
            }
            Self::Sign(key, _) => {
                let clients = target.crypto.clone();
                let data = Some(sign_request::Data::Message(MESSAGE.to_vec()));
                let request = SignRequest { name: key.resource(), data, ..SignRequest::default() };
                measure(span, callers, pid, 1, move |caller| {
                    let (mut client, request) = (clients[caller % clients.len()].clone(), request.clone());
                    async move { client.sign(request).await.map(drop) }
                })
                .await
            }
            Self::Batch(key, size) => {
                let clients = target.crypto.clone();
                let item = SignItem { data: Some(sign_item::Data::Message(MESSAGE.to_vec())) };
                let items = vec![item; size as usize];
                let request = SignBatchRequest { name: key.resource(), items, ..SignBatchRequest::default() };
                measure(span, callers, pid, size, move |caller| {
                    let (mut client, request) = (clients[caller % clients.len()].clone(), request.clone());
                    async move { client.sign_batch(request).await.map(drop) }
                })
                .await
            }
        }
    }
}
