//! Object handles as the caller sees them, and which other object could be taken for one.

use std::collections::BTreeMap;

use cryptoki_sys::{CK_KEY_TYPE, CK_OBJECT_CLASS, CK_OBJECT_HANDLE, CKO_PUBLIC_KEY};

/// Objects that are remembered; later ones keep their handles.
const OBJECTS_MAX: usize = 65_536;

/// Objects of one kind can be taken for each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Kind {
    pub(crate) class: CK_OBJECT_CLASS,
    pub(crate) key_type: CK_KEY_TYPE,
    pub(crate) permanent: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Objects {
    kinds: BTreeMap<CK_OBJECT_HANDLE, Kind>,
    /// By the handle that is shown, where it is another than the device's.
    shown: BTreeMap<CK_OBJECT_HANDLE, CK_OBJECT_HANDLE>,
}

impl Objects {
    pub(crate) fn is_known(&self, object: CK_OBJECT_HANDLE) -> bool {
        self.kinds.contains_key(&object) || self.kinds.len() >= OBJECTS_MAX
    }

    pub(crate) fn note(&mut self, object: CK_OBJECT_HANDLE, kind: Kind) {
        self.kinds.insert(object, kind);
    }

    /// An object is deleted; its handle may come back for another one.
    pub(crate) fn forget(&mut self, object: CK_OBJECT_HANDLE) {
        self.kinds.remove(&object);
    }

    /// The module begins anew: handles mean nothing any more.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn inward(&self, shown: CK_OBJECT_HANDLE) -> CK_OBJECT_HANDLE {
        self.shown.get(&shown).copied().unwrap_or(shown)
    }

    pub(crate) fn outward(&self, object: CK_OBJECT_HANDLE) -> CK_OBJECT_HANDLE {
        let shown = self.shown.iter().find(|(_, real)| **real == object);
        shown.map_or(object, |(shown, _)| *shown)
    }

    /// Another object of the same kind.
    pub(crate) fn other(&self, object: CK_OBJECT_HANDLE) -> Option<CK_OBJECT_HANDLE> {
        let kind = self.kinds.get(&object)?;
        let alike: Vec<_> = self.alike(*kind).collect();
        let at = alike.iter().position(|one| *one == object)?;
        alike.get((at + 1) % alike.len()).copied().filter(|other| *other != object)
    }

    /// Another key that a device could use or find by mistake, so that nobody sees it: not a public one, which can be read.
    pub(crate) fn mistaken(&self, object: CK_OBJECT_HANDLE) -> Option<CK_OBJECT_HANDLE> {
        let kind = self.kinds.get(&object)?;
        if kind.class == CKO_PUBLIC_KEY { None } else { self.other(object) }
    }

    /// Each handle that was shown means the next object of its kind from now on.
    pub(crate) fn renumber(&mut self) {
        let mut shown = BTreeMap::new();
        for object in self.kinds.keys() {
            let handle = self.outward(*object);
            shown.insert(handle, self.other(*object).unwrap_or(*object));
        }
        self.shown = shown;
    }

    fn alike(&self, kind: Kind) -> impl Iterator<Item = CK_OBJECT_HANDLE> {
        self.kinds.iter().filter(move |(_, other)| **other == kind).map(|(object, _)| *object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects() -> Objects {
        let mut objects = Objects::default();
        for (object, class) in [(1, 2), (2, 3), (3, 2), (4, 3), (5, 3), (6, 4)] {
            objects.note(object, Kind { class, ..Kind::default() });
        }
        objects
    }

    #[test]
    fn another_object_is_of_the_same_kind() {
        let objects = objects();
        assert_eq!(
            [1, 3, 2, 4, 5, 6, 9].map(|o| objects.other(o)),
            [Some(3), Some(1), Some(4), Some(5), Some(2), None, None]
        );
    }

    #[test]
    fn public_keys_are_not_mistaken() {
        let objects = objects();
        assert_eq!(
            [1, 2].map(|o| objects.mistaken(o)),
            [None, Some(4)],
            "classes 2 and 3 are public and private keys"
        );
    }

    #[test]
    fn handles_of_before_mean_others_after_and_new_ones_are_right() {
        let mut objects = objects();
        for _ in 0..4 {
            let before: Vec<_> = (1..=6).map(|o| objects.outward(o)).collect();
            objects.renumber();
            for (object, stale) in (1..=6).zip(before) {
                assert_eq!(objects.inward(objects.outward(object)), object);
                assert_eq!(objects.inward(stale) == object, object == 6, "{object}");
            }
        }
        assert_eq!((objects.inward(9), objects.outward(9)), (9, 9));
        objects.clear();
        assert_eq!(objects.inward(1), 1);
    }
}
