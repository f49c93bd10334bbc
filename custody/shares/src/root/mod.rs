//! What is written down of a root that custodians hold: that it was split, and each time it was opened.

mod judge;
mod record;
mod transcript;

pub use judge::{RootPins, RootReport};
pub use record::{Deed, Opening, ROOT_RECORD_LEN_MAX, RootRecord};
pub use transcript::{ROOT_TRANSCRIPT_LEN_MAX, RootTranscript};
