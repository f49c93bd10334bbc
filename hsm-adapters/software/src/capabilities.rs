//! What the backend can do: every row of the table of algorithms.

use hufu_core::algorithm::TABLE;
use hufu_core::backend::Capabilities;

pub(crate) fn all() -> Capabilities {
    let rows =
        TABLE.iter().flat_map(|row| row.schemes.iter().map(|(purpose, scheme)| (row.algorithm, *purpose, *scheme)));
    Capabilities { schemes: rows.collect(), ..Capabilities::default() }
}
