//! What all tokens of a group can do.

use hufu_core::algorithm::TABLE;
use hufu_core::backend::Capabilities;
use hufu_core::record::Exit;

use crate::group::Group;

/// What all of them can do, and of the rest the reasons of those that cannot. A token that was never reached has nothing to say.
pub(crate) fn capabilities(group: &Group) -> Capabilities {
    let known = group.members.iter().map(|member| (member.serial.as_str(), member.backend.capabilities()));
    let known: Vec<_> = known.filter(|(_, of)| !(of.schemes.is_empty() && of.refusals.is_empty())).collect();
    let mut common = Capabilities { simulated: known.iter().any(|(_, of)| of.simulated), ..Capabilities::default() };
    if !group.is_wrapped() || known.iter().all(|(_, of)| of.allows(Exit::Replicable)) {
        common.exits.push(Exit::Replicable);
    }
    for entry in TABLE {
        for (purpose, scheme) in entry.schemes {
            let row = (entry.algorithm, *purpose, *scheme);
            let refused = why(&known, |of| of.check(row.0, row.1, row.2));
            if known.is_empty() || !refused.is_empty() {
                common.refusals.push((row.0, row.1, row.2, refused));
                continue;
            }
            common.schemes.push(row);
            let stays_out = why(&known, |of| of.check_arrival(row.0, row.1, row.2));
            if !stays_out.is_empty() {
                common.stays_out.push((row.0, row.1, row.2, stays_out));
            }
            if group.is_wrapped() {
                let kept = why(&known, |of| of.check_exit(row.0, row.1, row.2, Exit::Replicable));
                if !kept.is_empty() {
                    common.kept.push((row.0, row.1, row.2, Exit::Replicable, kept));
                }
            }
        }
    }
    common
}

/// Who refuses, and why; empty when nobody does.
fn why(known: &[(&str, Capabilities)], check: impl Fn(&Capabilities) -> Result<(), String>) -> String {
    let refusals = known.iter().filter_map(|(serial, of)| check(of).err().map(|why| format!("{serial}: {why}")));
    refusals.collect::<Vec<_>>().join("; ")
}
