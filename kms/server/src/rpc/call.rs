//! An authenticated call.

use std::sync::Arc;

use hufu_engine::Engine;
use hufu_engine::api::Caller;

/// The engine and who calls it.
pub struct Call {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Who calls, until when.
    pub caller: Caller,
}
