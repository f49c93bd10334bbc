//! Slot ids as the caller sees them: moved by a number that a script changes.

use std::collections::BTreeSet;

use cryptoki_sys::CK_SLOT_ID;

/// Random shifts are below this.
const SHIFT_MAX: u64 = 1_000;

#[derive(Debug, Default)]
pub(crate) struct Slots {
    shift: CK_SLOT_ID,
    /// Slots in which a session was opened, by the ids of the device.
    used: BTreeSet<CK_SLOT_ID>,
}

impl Slots {
    /// Moves all slots by so many, or by a number of chance that is not the present one.
    pub(crate) fn shift(&mut self, by: Option<CK_SLOT_ID>, chance: u64) {
        let another = (self.shift + 1 + chance % (SHIFT_MAX - 1)) % SHIFT_MAX;
        self.shift = by.unwrap_or(another);
    }

    pub(crate) fn inward(&self, shown: CK_SLOT_ID) -> CK_SLOT_ID {
        shown.wrapping_sub(self.shift)
    }

    pub(crate) fn outward(&self, slot: CK_SLOT_ID) -> CK_SLOT_ID {
        slot.wrapping_add(self.shift)
    }

    pub(crate) fn note_use(&mut self, slot: CK_SLOT_ID) {
        self.used.insert(slot);
    }

    pub(crate) fn used(&self) -> Vec<CK_SLOT_ID> {
        self.used.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_moves_out_and_back() {
        let mut slots = Slots::default();
        assert_eq!(slots.outward(7), 7);
        slots.shift(Some(5), 0);
        assert_eq!((slots.outward(7), slots.inward(12)), (12, 7));
        for chance in 0..2_000 {
            let before = slots.outward(0);
            slots.shift(None, chance);
            assert_ne!(slots.outward(0), before, "{chance}");
            assert_eq!(slots.inward(slots.outward(9)), 9);
        }
    }
}
