//! Keys that custodians hold together: made and split, lost and put together again. `hufu_opener` has the whole key, in a
//! process of its own; here there are public things, sealed shares and wrapped material.

mod ask;
