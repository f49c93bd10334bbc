//! The process that puts shares together: this program, started again for one task.

use std::sync::Arc;

use hufu_opener::{ChildOpener, Opener, ShareOpener};

use crate::ambient::SystemRng;

/// The argument that has the program do one task and end.
pub const SHARE_OPENER: &str = "share-opener";

/// Does the one task that comes over standard input, and ends the process.
pub fn open_shares() -> ! {
    hufu_opener::serve(&Opener::new(hufu_software::fresh, Arc::new(SystemRng)))
}

/// What the engine asks.
pub(crate) fn share_opener() -> Arc<dyn ShareOpener> {
    Arc::new(ChildOpener::of_this_program(SHARE_OPENER))
}
