//! The steps of the story, through the command line that everybody uses.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::tool::Tool;
use crate::workspace::Workspace;

use super::cast::{CAST, Key, Signed};
use super::server::Server;
use super::story::{Promise, Story};

/// The file that is signed.
const MESSAGE: &str = "README.md";

/// Where the log's public key goes.
const LOG_KEY: &str = "ledger.key";

/// The story's state: the command line, the files, and the teller.
#[derive(Debug)]
pub(super) struct Walk {
    story: Story,
    hufu: PathBuf,
    profile: PathBuf,
    /// Where the commands run, and put signatures, public keys and bundles.
    files: PathBuf,
}

impl Walk {
    /// Prepares the directory in which the commands run; the repository's own README.md is linked there,
    /// so that all file names are short.
    pub(super) fn new(workspace: &Workspace, server: &Server, directory: &Path, story: Story) -> Result<Self, Error> {
        let files = directory.join("files");
        std::fs::create_dir(&files).map_err(Error::file("create", &files))?;
        let message = workspace.root().join(MESSAGE);
        std::os::unix::fs::symlink(&message, files.join(MESSAGE)).map_err(Error::file("link", &message))?;
        story.remark(&format!("the commands below run in {}", files.display()));
        Ok(Self { story, hufu: workspace.binary("hufu"), profile: server.ready().profile.clone(), files })
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
            self.hufu(&["key", "create", key.name, "--algorithm", key.algorithm, "--protection", key.protection]);
        self.story.act(create, Promise::DONE)?;
        self.story.act(self.hufu(&["key", "show", key.name]), Promise::DONE.saying(&["active"]))
    }

    fn signature(&mut self, key: &Key) -> Result<(), Error> {
        self.story.step("Sign README.md");
        self.story.act(self.sign(key.name, &key.file("1.sig")), Promise::DONE)?;
        self.story.step("Let OpenSSL verify it with the public key alone");
        let public = self.hufu(&["key", "public", key.name, "--out", &key.file("pem")]);
        self.story.act(public, Promise::DONE)?;
        self.story.act(self.openssl(key, MESSAGE), Promise::DONE)?;
        self.story.remark("and refuse it for another file:");
        self.story.act(self.openssl(key, &key.file("pem")), Promise::NOT_VERIFIED)
    }

    fn rotation(&mut self, key: &Key) -> Result<(), Error> {
        self.story.step("Rotate: version 2 signs from now on, version 1 only verifies");
        self.story.act(self.hufu(&["key", "rotate", key.name]), Promise::DONE)?;
        self.story.act(self.sign(key.name, &key.file("2.sig")), Promise::DONE)?;
        self.story.step("The old signature still verifies");
        let verify = self.hufu(&["verify", &key.version(1), "--in", MESSAGE, "--sig", &key.file("1.sig")]);
        self.story.act(verify, Promise::DONE)
    }

    fn revocation(&mut self, key: &Key) -> Result<(), Error> {
        self.story.step("Revoke version 1: its key is said to be stolen");
        let revoke = self.hufu(&["key", "revoke", &key.version(1), "--reason", "key-compromise"]);
        self.story.act(revoke, Promise::DONE)?;
        self.story.step("Signing with version 1 is refused; version 2 goes on");
        let refused = self.sign(&key.version(1), &key.file("refused.sig"));
        self.story.act(refused, Promise::REFUSED.saying(&["compromised"]))?;
        self.story.act(self.sign(key.name, &key.file("3.sig")), Promise::DONE)
    }

    fn proof(&mut self, key: &Key) -> Result<(), Error> {
        self.story.step("Take the proof from the ledger, for somebody who trusts nobody");
        let log_key = self.hufu(&["ledger", "key", "--out", LOG_KEY]);
        self.story.act(log_key, Promise::DONE)?;
        let prove = self.hufu(&["ledger", "prove", &key.version(1), "--out", &key.file("bundle")]);
        self.story.act(prove, Promise::DONE)
    }

    /// SoftHSM signs no SM2: the service says so and does not fall back to software.
    pub(super) fn refused_without_fallback(&mut self) -> Result<(), Error> {
        self.story.chapter("What the token cannot do");
        self.story.step("An SM2 key in SoftHSM is refused, with the reason");
        let create = self.hufu(&["key", "create", "sealed", "--algorithm", "sm2", "--protection", "hsm"]);
        self.story.act(create, Promise::REFUSED.saying(&["sm2"]))?;
        self.story.step("and no such key was made in silence");
        self.story.act(self.hufu(&["key", "show", "sealed"]), Promise::NOT_FOUND)
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
            self.story.step(format!("Verify the proof of `{}` offline", key.version(1)));
            let verify =
                self.hufu(&["ledger", "verify", &key.file("bundle"), "--key", LOG_KEY, "--public", &key.file("pem")]);
            let promise = Promise::DONE.saying(&["revoke", "key-compromise"]);
            self.story.act(verify, promise)?;
        }
        Ok(())
    }

    fn sign(&self, name: &str, signature: &str) -> Tool {
        self.hufu(&["sign", name, "--in", MESSAGE, "--out", signature])
    }

    fn hufu(&self, args: &[&str]) -> Tool {
        Tool::new(&self.hufu).args(args).env("HUFU_PROFILE", &self.profile).in_dir(&self.files)
    }

    fn openssl(&self, key: &Key, message: &str) -> Tool {
        let (public_key, signature) = (key.file("pem"), key.file("1.sig"));
        let signed = Signed { public_key: &public_key, signature: &signature, message };
        (key.openssl)(&signed).in_dir(&self.files)
    }
}
