//! Audit segments, and databases from before.

use hufu_audit::{Chain, Record};
use hufu_core::audit::AuditEntry;
use hufu_core::policy::Action;
use hufu_core::store::Segment;

use crate::scene::Scene;
use crate::{Answer, Case, case};

pub(crate) const CASES: &[Case] = &[
    case("the tail of the newest writer's records", cut_newest, Answer::NotStarted("the audit trail ends before")),
    case("the tail of an older writer's records", cut_older, Answer::Finding("the tail was cut")),
    case("all records of an older writer", lose_older, Answer::Finding("all are gone")),
    case("records after the end of an older writer's", add_to_older, Answer::Finding("and there are")),
    case("a segment in the middle", lose_middle, Answer::Finding("does not continue the chain")),
    case("one bit of a record", flip_record, Answer::Finding("segment")),
    case("one bit of a head", flip_head, Answer::Finding("changed")),
    case("the database from before the revocation", older_database, Answer::NotStarted("older copy")),
    case("nothing", |_| {}, Answer::Harmless),
];

const LAST: &str = "first_seq = (SELECT max(first_seq) FROM segment WHERE writer = ";

/// The writers from the oldest on, as SQL literals.
fn writers(scene: &Scene) -> Vec<String> {
    let writers = scene.database().sql("SELECT DISTINCT writer FROM segment ORDER BY writer");
    writers.into_iter().map(|writer| format!("'{writer}'")).collect()
}

fn cut_last_segment(scene: &Scene, writer: &str) {
    scene.database().change(1, &format!("DELETE FROM segment WHERE writer = {writer} AND {LAST}{writer})"));
}

fn cut_newest(scene: &Scene) {
    cut_last_segment(scene, writers(scene).last().unwrap());
}

fn cut_older(scene: &Scene) {
    cut_last_segment(scene, writers(scene).first().unwrap());
}

fn lose_older(scene: &Scene) {
    let writers = writers(scene);
    let oldest = writers.first().unwrap();
    scene.database().sql(&format!("DELETE FROM segment WHERE writer = {oldest}"));
}

/// A segment that continues the chain, as anyone can make one: the chain is not keyed.
fn add_to_older(scene: &Scene) {
    let writers = writers(scene);
    let writer = writers.first().unwrap().trim_matches('\'').to_owned();
    let sql = format!(
        "SELECT first_seq || '|' || count || '|' || hex(head) FROM segment WHERE writer = '{writer}' \
         ORDER BY first_seq DESC LIMIT 1"
    );
    let row = scene.database().sql(&sql).remove(0);
    let [first_seq, count, head] = row.split('|').collect::<Vec<_>>().try_into().unwrap();
    let entry = AuditEntry::done(1, AuditEntry::system(), Action::Lifecycle, "invented");
    let mut chain = Chain::new(&writer);
    let end = Segment {
        writer,
        first_seq: first_seq.parse().unwrap(),
        count: count.parse().unwrap(),
        previous_head: [0; 32],
        head: hex::decode(head).unwrap().try_into().unwrap(),
        records: Vec::new(),
        sealed_at: 0,
    };
    chain.advance(&end);
    let Segment { writer, first_seq, count, previous_head, head, records, sealed_at } =
        chain.seal(vec![Record::new(&entry)], 1);
    let blobs = [&previous_head[..], &head, &records].map(|blob| format!("X'{}'", hex::encode(blob)));
    let [previous_head, head, records] = blobs;
    scene.database().change(
        1,
        &format!(
            "INSERT INTO segment VALUES ('{writer}', {first_seq}, {count}, {previous_head}, {head}, {records}, {sealed_at})"
        ),
    );
}

/// A segment of the oldest writer that is neither its first nor its last.
fn middle(scene: &Scene) -> String {
    let writers = writers(scene);
    let oldest = writers.first().unwrap();
    let sql = format!("SELECT first_seq FROM segment WHERE writer = {oldest} ORDER BY first_seq LIMIT 1 OFFSET 2");
    format!("writer = {oldest} AND first_seq = {}", scene.database().sql(&sql).remove(0))
}

fn lose_middle(scene: &Scene) {
    scene.database().change(1, &format!("DELETE FROM segment WHERE {}", middle(scene)));
}

fn flip_record(scene: &Scene) {
    scene.database().flip("segment", "records", &middle(scene));
}

fn flip_head(scene: &Scene) {
    scene.database().flip("segment", "head", &middle(scene));
}

/// Write-ahead log included; what is kept outside stays.
fn older_database(scene: &Scene) {
    scene.database().restore(&scene.saved("early"));
}
