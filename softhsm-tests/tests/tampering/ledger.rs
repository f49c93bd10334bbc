//! Leaves, tiles, indices, checkpoints and the log's position.

use hufu_core::changeset::Collection;
use hufu_core::record::{Checkpoint, LogPosition};

use crate::scene::Scene;
use crate::{Answer, Case, case};

pub(crate) const CASES: &[Case] = &[
    case("the last leaf of a key", |scene| flip_leaf(scene, "max"), Answer::Quarantined("good")),
    case("an earlier leaf of a key", |scene| flip_leaf(scene, "min"), Answer::Quarantined("good")),
    case("a tile", flip_tile, Answer::NotStarted("the ledger")),
    case("the index of a leaf", flip_index, Answer::Alarm("ledger-damaged", "ledger")),
    case("the newest checkpoint's note", flip_note, Answer::NotStarted("the ledger")),
    case("the newest checkpoint's root", flip_root, Answer::NotStarted("the ledger")),
    case(
        "the log's position is set back",
        |scene| set_back(scene, &[Collection::Meta]),
        Answer::NotStarted("the ledger"),
    ),
    case("the revocation's leaf and its feed items are gone", cut_leaves_and_feed, Answer::Quarantined("doomed")),
    case(
        "the whole ledger from before the revocation",
        |scene| {
            set_back(scene, &[Collection::Meta, Collection::Tile, Collection::LeafIndex, Collection::Checkpoint]);
            set_back(scene, &[Collection::Leaf]);
        },
        Answer::NotStarted("but a checkpoint of"),
    ),
    case("the newest checkpoint is gone", lose_checkpoint, Answer::NotStarted("the ledger")),
];

fn of(collection: Collection) -> String {
    format!("collection = {}", collection.code())
}

fn flip_leaf(scene: &Scene, which: &str) {
    let scope = hex::encode(scene.version("good").ledger_id);
    let leaves = format!("{} AND scope = '{scope}'", of(Collection::Leaf));
    let id = scene.database().sql(&format!("SELECT {which}(id) FROM record WHERE {leaves}")).remove(0);
    scene.database().flip("record", "body", &format!("{leaves} AND id = '{id}'"));
}

fn flip_tile(scene: &Scene) {
    scene.database().flip("record", "body", &format!("{} AND id LIKE '00/%'", of(Collection::Tile)));
}

fn flip_index(scene: &Scene) {
    let first = format!("{} AND id = '{:020}'", of(Collection::LeafIndex), 1);
    scene.database().flip("record", "body", &first);
}

fn newest(scene: &Scene) -> String {
    let sql = format!("SELECT max(id) FROM record WHERE {} AND scope = 'signed'", of(Collection::Checkpoint));
    scene.database().sql(&sql).remove(0)
}

fn flip_note(scene: &Scene) {
    scene.database().flip("record", "body", &format!("{} AND id = '{}'", of(Collection::Checkpoint), newest(scene)));
}

fn flip_root(scene: &Scene) {
    let id = newest(scene);
    scene.database().forge(&id, |checkpoint: &mut Checkpoint| checkpoint.root = [7; 32]);
    // Rows of checkpoints carry their scope beside the record: put it back.
    let at = format!("{} AND id = '{id}'", of(Collection::Checkpoint));
    scene.database().change(1, &format!("UPDATE record SET scope = 'signed' WHERE {at}"));
}

fn lose_checkpoint(scene: &Scene) {
    let id = newest(scene);
    scene.database().change(1, &format!("DELETE FROM record WHERE {} AND id = '{id}'", of(Collection::Checkpoint)));
}

fn set_back(scene: &Scene, collections: &[Collection]) {
    for collection in collections {
        let at = match collection {
            Collection::Meta => format!("{} AND id = '{}'", of(*collection), LogPosition::ID),
            _ => of(*collection),
        };
        scene.database().roll_back(&scene.saved("early"), "record", &at);
    }
}

fn cut_leaves_and_feed(scene: &Scene) {
    let scope = hex::encode(scene.version("doomed").ledger_id);
    let leaf = format!("{} AND scope = '{scope}'", of(Collection::Leaf));
    let id = scene.database().sql(&format!("SELECT max(id) FROM record WHERE {leaf}")).remove(0);
    scene.database().change(1, &format!("DELETE FROM record WHERE {leaf} AND id = '{id}'"));
    scene.database().sql(&format!("DELETE FROM feed WHERE ord >= (SELECT ord FROM feed WHERE leaf = '{id}')"));
}
