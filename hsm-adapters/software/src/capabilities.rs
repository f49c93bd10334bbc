//! What the backend can do: nearly every row of the table of algorithms, and let material leave that was made to.

use hufu_core::algorithm::{Scheme, TABLE};
use hufu_core::backend::Capabilities;
use hufu_core::record::Exit;

/// Why it makes no keys of a scheme whose signatures it verifies.
const HOLDERS_ALONE: &str = "holders alone make such keys: choose the protection threshold";

pub(crate) fn all() -> Capabilities {
    let rows =
        TABLE.iter().flat_map(|row| row.schemes.iter().map(|(purpose, scheme)| (row.algorithm, *purpose, *scheme)));
    let (refused, schemes): (Vec<_>, Vec<_>) = rows.partition(|(.., scheme)| *scheme == Scheme::SchnorrBip340);
    let refusals = refused.into_iter().map(|(a, p, s)| (a, p, s, HOLDERS_ALONE.to_owned())).collect();
    Capabilities { schemes, refusals, exits: vec![Exit::Exportable], ..Capabilities::default() }
}
