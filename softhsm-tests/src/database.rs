//! The SQLite file of a stopped server, read and edited behind its back with the program `sqlite3`.

use std::fs;
use std::path::{Path, PathBuf};

use hufu_core::changeset::Row;
use hufu_core::codec;
use hufu_core::record::Record;

use crate::{Stopped, Tool};

/// The database of a development directory. The server must not run.
#[derive(Clone, Debug)]
pub struct Database {
    file: PathBuf,
}

impl Database {
    /// That of a stopped development server.
    pub fn of(stopped: &Stopped) -> Self {
        Self::at(stopped.dir().join("hufu.db"))
    }

    /// That of a file.
    pub fn at(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into() }
    }

    /// Runs SQL; answers with the rows, their columns joined by `|`.
    pub fn sql(&self, sql: &str) -> Vec<String> {
        let text = Tool::new("sqlite3").args([self.file.as_os_str(), sql.as_ref()]).ok();
        text.lines().map(str::to_owned).collect()
    }

    /// Runs SQL that must change this many rows.
    pub fn change(&self, rows: usize, sql: &str) {
        let changed = self.sql(&format!("{sql}; SELECT changes()"));
        assert_eq!(changed.last().map(String::as_str), Some(rows.to_string().as_str()), "{sql}");
    }

    /// Every record of a collection, decoded without a look at its tag.
    pub fn records<R: Record>(&self) -> Vec<R> {
        let sql = format!("SELECT hex(body) FROM record WHERE collection = {} ORDER BY id", R::COLLECTION.code());
        let decode = |line: String| {
            let body = unhex(&line);
            codec::decode(R::DOMAIN, R::FORMAT, &body).expect("a record that this release has written")
        };
        self.sql(&sql).into_iter().map(decode).collect()
    }

    /// Rewrites one record and leaves its tag as it was.
    pub fn forge<R: Record>(&self, id: &str, change: impl FnOnce(&mut R)) {
        let collection = R::COLLECTION.code();
        let at = format!("collection = {collection} AND id = '{id}'");
        let found = self.sql(&format!("SELECT revision, hex(body) FROM record WHERE {at}"));
        let [row] = found.as_slice() else { panic!("`{id}` is {} rows", found.len()) };
        let (revision, body) = row.split_once('|').expect("two columns");
        let mut record: R = codec::decode(R::DOMAIN, R::FORMAT, &unhex(body)).expect("a record of this release");
        change(&mut record);
        let row = record.to_row(revision.parse().expect("a number"));
        let due = row.due.map_or("NULL".to_owned(), |due| due.to_string());
        let Row { id, scope, body, .. } = row;
        self.change(
            1,
            &format!(
                "UPDATE record SET id = '{id}', scope = '{scope}', due = {due}, body = {} WHERE {at}",
                hex(&body)
            ),
        );
    }

    /// Puts a record in with a tag of zeros.
    pub fn insert(&self, record: &impl Record) {
        let Row { collection, id, scope, due, body, .. } = record.to_row(1);
        let due = due.map_or("NULL".to_owned(), |due| due.to_string());
        let (collection, body) = (collection.code(), hex(&body));
        self.change(
            1,
            &format!("INSERT INTO record VALUES ({collection}, '{id}', '{scope}', {due}, 1, {body}, zeroblob(32))"),
        );
    }

    /// Changes one bit in the middle of a blob.
    pub fn flip(&self, table: &str, column: &str, at: &str) {
        let found = self.sql(&format!("SELECT hex({column}) FROM {table} WHERE {at}"));
        let [text] = found.as_slice() else { panic!("`{at}` is {} rows", found.len()) };
        let mut bytes = unhex(text);
        let middle = bytes.len() / 2;
        *bytes.get_mut(middle).expect("a blob that is not empty") ^= 1;
        self.change(1, &format!("UPDATE {table} SET {column} = {} WHERE {at}", hex(&bytes)));
    }

    /// Puts rows of an older copy in the place of the present ones.
    pub fn roll_back(&self, older: &Path, table: &str, at: &str) {
        let older = older.join(self.file.file_name().expect("a name"));
        self.sql(&format!(
            "ATTACH '{}' AS older; DELETE FROM main.{table} WHERE {at}; INSERT INTO main.{table} SELECT * FROM older.{table} WHERE {at}",
            older.display()
        ));
    }

    /// Copies all files of the database into a directory.
    pub fn save(&self, to: &Path) {
        fs::create_dir_all(to).expect("the scratch directory is writable");
        for file in self.files().filter(|file| file.exists()) {
            fs::copy(&file, to.join(file.file_name().expect("a name"))).expect("a copy");
        }
    }

    /// Puts saved files in the place of the present ones.
    pub fn restore(&self, from: &Path) {
        for file in self.files() {
            // One that is not there needs no removal.
            let _ = fs::remove_file(&file);
            let saved = from.join(file.file_name().expect("a name"));
            if saved.exists() {
                fs::copy(saved, file).expect("a copy");
            }
        }
    }

    /// The database, its write-ahead log and the index of that.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let name = self.file.to_str().expect("a path in UTF-8").to_owned();
        ["", "-wal", "-shm"].into_iter().map(move |suffix| PathBuf::from(format!("{name}{suffix}")))
    }
}

/// A blob literal.
fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("X'{digits}'")
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.bytes().filter_map(|c| char::from(c).to_digit(16)).filter_map(|d| d.try_into().ok()).collect();
    digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}
