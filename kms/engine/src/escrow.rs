//! Keys that custodians hold together: made and split, lost and put together again. `hufu_opener` has the whole key, in a
//! process of its own; here there are public things, sealed shares and wrapped material.

mod ask;
mod door;
mod make;
mod target;

pub(crate) use ask::out_of_turn;
pub(crate) use door::Door;
pub(crate) use make::NewSet;
pub(crate) use target::TARGETS_MAX;
