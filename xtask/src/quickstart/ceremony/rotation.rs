//! A key gets a new version because two people of two organisations allow it.

use crate::error::Error;

use super::{Promise, Scene};

const ACT: &str = "[act.rotate-key]\nkey = \"tenants/acme/keys/seal\"\nversion = 1\n";

impl Scene {
    pub(super) fn rotate(&mut self) -> Result<(), Error> {
        self.story.chapter("A rotation that two people allow");
        self.story.step("A key, and the request to rotate it");
        self.does("key create seal --algorithm p256 --protection software", Promise::DONE)?;
        let file = self.request(1, "Rotate the seal", ACT)?;
        let sign = "--key alice.key --pin people.pin --passphrase-file pass --yes";
        self.does(&format!("ceremony propose {file} {sign}"), Promise::DONE)?;
        self.story.step("Alice proposed it: she does not approve it");
        self.until_collecting(1)?;
        self.does(&approve(1, "alice"), Promise::REFUSED.saying(&["CEREMONY_PROPOSER_APPROVES"]))?;
        self.story.step("Bob approves; one approval is not enough");
        self.does(&approve(1, "bob"), Promise::DONE)?;
        self.does("ceremony execute 1 --yes", Promise::REFUSED.saying(&["CEREMONY_WRONG_STATE"]))?;
        self.story.step("Dave, of the other organisation, lets himself be guided: he approves, and has it begin");
        let guide =
            "--key dave.key --pin people.pin --log-key shares/log.pub --policy policy.toml --passphrase-file pass";
        self.does(
            &format!("ceremony guide 1 {guide} --script"),
            Promise::DONE.saying(&["executed", "everything is there"]),
        )?;
        self.does("key show seal", Promise::DONE.saying(&["primary     2"]))?;
        self.does("ceremony transcript 1 --out rotation.transcript", Promise::DONE)
    }

    /// Waits until the ledger has the request: nobody approves what the world cannot see.
    pub(super) fn until_collecting(&self, number: u32) -> Result<(), Error> {
        let line = format!("ceremony show {number} --output json");
        for _ in 0..120 {
            if super::requests::field(&self.quietly(&line)?, "state")? != "proposed" {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(250));
        }
        Err(Error::Unexpected { step: line, expected: "that it is in the ledger".to_owned(), output: String::new() })
    }
}

/// What someone's own tool does: fetches the transcript, goes through all of it, signs, and brings the approval.
pub(super) fn approve(number: u32, name: &str) -> String {
    format!(
        "ceremony approve {number} --key {name}.key --pin people.pin --log-key shares/log.pub --passphrase-file pass --yes"
    )
}
