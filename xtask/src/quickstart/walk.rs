//! The steps of the story, through the command line that everybody uses.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::tool::Tool;
use crate::workspace::Workspace;

use super::cast::{CAST, Key, Signed};
use super::server::Server;
use super::story::{Promise, Story};

/// The story's state: the command line, the files, and the teller.
#[derive(Debug)]
pub(super) struct Walk {
    story: Story,
    hufu: PathBuf,
    profile: PathBuf,
    /// The file of the repository that is signed.
    message: PathBuf,
    /// Where signatures, public keys and bundles go.
    files: PathBuf,
}

impl Walk {
    /// Prepares a directory for the files that the commands write.
    pub(super) fn new(workspace: &Workspace, server: &Server, directory: &Path, story: Story) -> Result<Self, Error> {
        let files = directory.join("files");
        std::fs::create_dir(&files).map_err(Error::file("create", &files))?;
        Ok(Self {
            story,
            hufu: workspace.binary("hufu"),
            profile: server.ready().profile.clone(),
            message: workspace.root().join("README.md"),
            files,
        })
    }

    /// One key from creation to a bundle that proves its revocation.
    pub(super) fn life(&mut self, key: &Key) -> Result<(), Error> {
        self.story.chapter(&format!("`{}`: {}", key.name, key.told));
        self.birth(key)?;
        self.signature(key)?;
        self.rotation(key)?;
        self.revocation(key)?;
        self.proof(key)
    }

    fn birth(&mut self, key: &Key) -> Result<(), Error> {
        self.story.step("Create the key");
        let create =
            self.key("create", key.name).args(["--algorithm", key.algorithm, "--protection", key.protection]);
        self.story.act(create, Promise::DONE)?;
        self.story.act(self.key("show", key.name), Promise::DONE.saying(&["active"]))
    }

    fn signature(&mut self, key: &Key) -> Result<(), Error> {
        self.story.step("Sign README.md");
        self.story.act(self.sign(key.name, &self.first(key)), Promise::DONE)?;
        self.story.step("Let OpenSSL verify it with the public key alone");
        let public_key = self.file(key, "pem");
        let public = self.key("public", key.name).args(["--out"]).args([&public_key]);
        self.story.act(public, Promise::DONE)?;
        self.story.act(self.openssl(key, &self.message), Promise::DONE)?;
        self.story.remark("and refuse it for another file:");
        let other = self.openssl(key, &public_key);
        self.story.act(other, Promise::NOT_VERIFIED)
    }

    fn rotation(&mut self, key: &Key) -> Result<(), Error> {
        self.story.step("Rotate: version 2 signs from now on, version 1 only verifies");
        self.story.act(self.key("rotate", key.name), Promise::DONE)?;
        self.story.act(self.sign(key.name, &self.file(key, "2.sig")), Promise::DONE)?;
        self.story.step("The old signature still verifies");
        let verify = self
            .hufu(&["verify", &version(key, 1), "--in"])
            .args([&self.message])
            .args(["--sig"])
            .args([self.first(key)]);
        self.story.act(verify, Promise::DONE)
    }

    fn revocation(&mut self, key: &Key) -> Result<(), Error> {
        self.story.step("Revoke version 1: its key is said to be stolen");
        let revoke = self.key("revoke", &version(key, 1)).args(["--reason", "keyCompromise"]);
        self.story.act(revoke, Promise::DONE)?;
        self.story.step("Signing with version 1 is refused; version 2 goes on");
        let refused = self.sign(&version(key, 1), &self.file(key, "refused.sig"));
        self.story.act(refused, Promise::REFUSED.saying(&["compromised"]))?;
        self.story.act(self.sign(key.name, &self.file(key, "3.sig")), Promise::DONE)
    }

    fn proof(&mut self, key: &Key) -> Result<(), Error> {
        self.story.step("Take the proof from the ledger, for somebody who trusts nobody");
        let log_key = self.hufu(&["ledger", "key", "--out"]).args([self.log_key()]);
        self.story.act(log_key, Promise::DONE)?;
        let prove = self.hufu(&["ledger", "prove", &version(key, 1), "--out"]).args([self.file(key, "bundle")]);
        self.story.act(prove, Promise::DONE)
    }

    /// SoftHSM signs no SM2: the service says so and does not fall back to software.
    pub(super) fn refused_without_fallback(&mut self) -> Result<(), Error> {
        self.story.chapter("What the token cannot do");
        self.story.step("An SM2 key in SoftHSM is refused, with the reason");
        let create = self.key("create", "sealed").args(["--algorithm", "sm2", "--protection", "hsm"]);
        self.story.act(create, Promise::REFUSED.saying(&["sm2"]))?;
        self.story.step("and no such key was made in silence");
        self.story.act(self.key("show", "sealed"), Promise::NOT_FOUND)
    }

    /// Stops the server, so that what follows cannot ask it.
    pub(super) fn stop(&mut self, server: Server) -> Result<(), Error> {
        self.story.chapter("Without the server");
        self.story.step("Stop the server with SIGTERM");
        server.stop()?;
        self.story.remark("it drained and ended with exit code 0");
        Ok(())
    }

    /// The bundles speak for themselves.
    pub(super) fn offline(&mut self) -> Result<(), Error> {
        for key in &CAST {
            self.story.step(format!("Verify the proof of `{}` offline", version(key, 1)));
            let verify = Tool::new(&self.hufu)
                .args(["ledger", "verify"])
                .args([self.file(key, "bundle")])
                .args(["--key"])
                .args([self.log_key()]);
            let promise = Promise::DONE.saying(&["revoke", "keyCompromise"]);
            self.story.act(verify, promise)?;
        }
        Ok(())
    }

    fn hufu(&self, args: &[&str]) -> Tool {
        Tool::new(&self.hufu).env("HUFU_PROFILE", &self.profile).args(args)
    }

    fn key(&self, verb: &str, name: &str) -> Tool {
        self.hufu(&["key", verb, name])
    }

    fn sign(&self, name: &str, signature: &Path) -> Tool {
        self.hufu(&["sign", name, "--in"]).args([&self.message]).args(["--out"]).args([signature])
    }

    fn openssl(&self, key: &Key, message: &Path) -> Tool {
        (key.openssl)(&Signed { public_key: &self.file(key, "pem"), signature: &self.first(key), message })
    }

    fn first(&self, key: &Key) -> PathBuf {
        self.file(key, "1.sig")
    }

    fn log_key(&self) -> PathBuf {
        self.files.join("ledger.key")
    }

    fn file(&self, key: &Key, ending: &str) -> PathBuf {
        self.files.join(format!("{}.{ending}", key.name))
    }
}

fn version(key: &Key, number: u32) -> String {
    format!("{}@{number}", key.name)
}
