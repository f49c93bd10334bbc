//! A key is recovered as if it had been lost: three people allow it, and three bring their shares.

use crate::error::Error;

use super::requests::field;
use super::rotation::approve;
use super::{PEOPLE, Promise, Scene};

/// How often the end of the delay is looked for.
const TRIES: u32 = 120;

impl Scene {
    pub(super) fn recover(&mut self) -> Result<(), Error> {
        self.story.chapter("A recovery that takes three approvals, time, and three shares");
        self.split()?;
        self.ask()?;
        self.allow()?;
        self.give()?;
        self.story.step("It opens what it encrypted, a new version has taken over, and the ledger has both");
        self.does("decrypt archive --in sealed --out opened", Promise::DONE)?;
        self.does("key show archive", Promise::DONE.saying(&["primary     2"]))?;
        self.does("ceremony transcript 2 --out recovery.transcript", Promise::DONE)
    }

    /// A key that its custodians could make again if its only copy were lost, and something encrypted under it.
    fn split(&mut self) -> Result<(), Error> {
        self.story.step("A key whose five custodians each hold a share, any 3 of which make it again");
        let custodians: String = PEOPLE.iter().map(|name| format!(" --custodian {name}")).collect();
        let create = "key create archive --algorithm aes256-gcm --protection software --threshold 3/5";
        self.does(&format!("{create}{custodians}"), Promise::DONE)?;
        self.write("plain", "what must not be lost")?;
        self.does("encrypt archive --in plain --out sealed", Promise::DONE)?;
        let set = field(&self.quietly("share-set list --output json")?, "name")?;
        self.story.step("Each fetches the own share");
        for name in PEOPLE {
            let fetch = format!(
                "custodian share fetch --set {set} --name {name} --log-key shares/log.pub --out {name}.archive"
            );
            match name {
                "alice" => self.does(&fetch, Promise::DONE)?,
                _ => drop(self.quietly(&fetch)?),
            }
        }
        Ok(())
    }

    /// The request, with the target that the shares will be sealed to.
    fn ask(&mut self) -> Result<(), Error> {
        self.story.step("Alice asks for its recovery: the request is in the ledger before anyone can approve");
        let target = "ceremony target archive --kind process --log-key shares/log.pub --out evidence";
        self.story.remark(&format!("hufu {target} > act.toml"));
        let act = self.quietly(target)?;
        let file = self.request(2, "Recover the archive key", &act)?;
        let sign = "--key alice.key --pin people.pin --passphrase-file pass --yes";
        self.does(&format!("ceremony propose {file} {sign}"), Promise::DONE)?;
        self.until_collecting(2)
    }

    /// Two short, and then enough.
    fn allow(&mut self) -> Result<(), Error> {
        self.story.step("One approval of three: refused");
        self.does(&format!("{} --policy policy.toml", approve(2, "bob")), Promise::DONE)?;
        self.does("ceremony execute 2 --yes", Promise::REFUSED.saying(&["CEREMONY_WRONG_STATE"]))?;
        self.story
            .step("Carol and Dave approve; now there is time for a veto, and no share is given before it is over");
        for name in ["carol", "dave"] {
            self.does(&format!("{} --policy policy.toml", approve(2, name)), Promise::DONE)?;
        }
        self.does(&give("alice"), Promise::REFUSED)?;
        self.until_ready()
    }

    /// Two short, and then enough.
    fn give(&mut self) -> Result<(), Error> {
        self.story.step("One share of three: refused");
        self.does(&give("alice"), Promise::DONE)?;
        self.does("ceremony execute 2 --yes", Promise::REFUSED.saying(&["CEREMONY_SHARES_MISSING"]))?;
        self.story.step(
            "Dave and Erin give theirs, each sealed by the own tool to this target, for this request; now it is done",
        );
        for name in ["dave", "erin"] {
            self.does(&give(name), Promise::DONE)?;
        }
        self.does("ceremony execute 2 --yes", Promise::DONE.saying(&["executed"]))
    }

    /// Waits until the time for a veto is over.
    fn until_ready(&self) -> Result<(), Error> {
        let line = "ceremony show 2 --output json";
        for _ in 0..TRIES {
            if field(&self.quietly(line)?, "state")? == "ready" {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        let expected = "that the delay passes".to_owned();
        Err(Error::Unexpected { step: line.to_owned(), expected, output: String::new() })
    }
}

/// What a custodian's own tool does: goes through the whole transcript, counts the delay by its own clock, and seals the share to the target.
fn give(name: &str) -> String {
    let own = format!("--key {name}.key --share {name}.archive --passphrase-file pass --yes");
    format!("ceremony submit-share 2 {own} --pin people.pin --log-key shares/log.pub --policy policy.toml")
}
