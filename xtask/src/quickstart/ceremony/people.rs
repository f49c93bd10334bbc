//! Five people with keys of their own, and the list of them that everybody pins.

use crate::error::Error;

use super::{PEOPLE, Promise, Scene};

/// Keeps private keys. In the story it is the same for everyone; it is never an argument.
const PASSPHRASE: &str = "nine words that nobody else would ever think of\n";

impl Scene {
    /// Everyone makes keys and shows that they are theirs.
    pub(super) fn enrol(&mut self) -> Result<(), Error> {
        self.story.chapter("Five people");
        self.write("pass", PASSPHRASE)?;
        super::installation::keep_private(&self.dir.join("pass"))?;
        self.story.step("Alice makes keys on her own machine, and shows that she holds them");
        for line in enrolment("alice") {
            self.does(&line, Promise::DONE)?;
        }
        self.story.step("Bob, Carol, Dave and Erin do the same");
        for name in PEOPLE.iter().skip(1) {
            for line in enrolment(name) {
                self.quietly(&line)?;
            }
        }
        self.story.remark("four more key files, each under a passphrase");
        Ok(())
    }

    /// Makes a roster of all five, and pins it by its words.
    pub(super) fn roster(&mut self) -> Result<(), Error> {
        let deployment = super::installation::ORIGIN;
        let entries: String = PEOPLE.iter().map(|name| format!(" --entry {name}.enrolled")).collect();
        self.does(
            &format!("custodian roster new --deployment {deployment}{entries} --out people.roster"),
            Promise::DONE,
        )?;
        let words = self.words()?;
        self.story.remark("everybody hears the sixteen words from somebody else, and tells them to the own tool:");
        self.does(&format!("custodian roster pin people.roster --pin people.pin --words {words}"), Promise::DONE)
    }

    /// The words of the roster, which people read to each other.
    pub(super) fn words(&self) -> Result<String, Error> {
        let shown = self.quietly("custodian roster show people.roster --output json")?;
        super::requests::field(&shown, "words").map(|words| words.replace(' ', "-"))
    }
}

/// What one person does once. The challenge is made and answered on one machine here.
fn enrolment(name: &str) -> [String; 5] {
    // Two organisations: what needs both needs more than one house.
    let organisation = if matches!(name, "alice" | "bob" | "carol") { "north" } else { "south" };
    let who = format!("{name} --full-name {name} --organisation {organisation} --role custodian");
    let deployment = super::installation::ORIGIN;
    [
        format!("custodian new {who} --memory-mib 64 --out {name}.key --passphrase-file pass"),
        format!("custodian show {name}.key --entry-out {name}.entry"),
        format!("custodian enrol challenge {name}.entry --deployment {deployment} --out challenge --awaited awaited"),
        format!(
            "custodian enrol answer challenge --key {name}.key --deployment {deployment} --out answer --passphrase-file pass"
        ),
        format!("custodian enrol accept answer --awaited awaited --out {name}.enrolled"),
    ]
}
