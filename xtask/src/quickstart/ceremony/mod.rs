//! `cargo xtask quickstart --ceremony`: a root that five people hold, a rotation that two of them allow, a recovery that takes three, and
//! transcripts that anybody can verify.

mod installation;
mod people;
mod recovery;
mod requests;
mod rotation;

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::install::{self, OPENSSL};
use crate::tool::Tool;
use crate::workspace::Workspace;

use super::server::Server;
use super::story::{Promise, Story};

/// Who goes through the ceremonies: each holds a share of the root.
const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];

/// The transcripts that are left when the server is gone.
const TRANSCRIPTS: [&str; 2] = ["rotation", "recovery"];

/// The story's state: the programs, the directory in which everything is, and the teller.
#[derive(Debug)]
struct Scene {
    story: Story,
    hufu: PathBuf,
    hufud: PathBuf,
    dir: PathBuf,
}

/// Installs, builds, and tells the story of a server without an HSM and of the people who hold its root.
///
/// # Errors
///
/// The first step that does not do what it promises ends the run with its output.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    install::ensure(&[OPENSSL])?;
    workspace.build_binaries()?;
    let directory = tempfile::Builder::new()
        .prefix("hufu-ceremony-")
        .tempdir()
        .map_err(Error::file("create", &std::env::temp_dir()))?;
    let mut scene = Scene::new(workspace, directory.path());
    scene.enrol()?;
    let server = scene.begin()?;
    scene.unseal()?;
    scene.rotate()?;
    scene.recover()?;
    scene.story.chapter("Without the server");
    scene.story.step("Stop the server with SIGTERM");
    server.stop()?;
    scene.verify_transcripts()?;
    println!("\nAll of it held: no single person and no single machine could have done any of it.");
    Ok(())
}

impl Scene {
    fn new(workspace: &Workspace, dir: &Path) -> Self {
        let story = Story::default();
        story.remark(&format!("the commands below run in {}", dir.display()));
        let (hufu, hufud) = (workspace.binary("hufu"), workspace.binary("hufud"));
        Self { story, hufu, hufud, dir: dir.to_owned() }
    }

    /// A command of the story, shown.
    fn does(&self, line: &str, promise: Promise) -> Result<(), Error> {
        self.story.act(self.command(line), promise)
    }

    /// A command that is not shown; what it says comes back.
    fn quietly(&self, line: &str) -> Result<String, Error> {
        self.command(line).quiet()
    }

    fn command(&self, line: &str) -> Tool {
        let profile = self.dir.join("profile.toml");
        Tool::new(&self.hufu).args(line.split_whitespace()).env("HUFU_PROFILE", profile).in_dir(&self.dir)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.dir.join(name);
        std::fs::write(&path, text).map_err(Error::file("write", &path))
    }

    fn read(&self, name: &str) -> Result<String, Error> {
        let path = self.dir.join(name);
        std::fs::read_to_string(&path).map_err(Error::file("read", &path))
    }

    /// The program that verifies knows the service's log key and the pinned roster, and has nothing else to go by.
    fn verify_transcripts(&mut self) -> Result<(), Error> {
        self.story.step("Verify offline who opened the server");
        let line = "ceremony verify opening.transcript --pin people.pin --log-key shares/log.pub";
        self.does(line, Promise::DONE.saying(&["opened by", "alice of", "dave of", "erin of"]))?;
        for name in TRANSCRIPTS {
            self.story.step(format!("Verify the transcript of the {name} offline"));
            let line = format!("ceremony verify {name}.transcript --pin people.pin --log-key shares/log.pub");
            self.does(&line, Promise::DONE.saying(&["verifies", "executed"]))?;
            self.story.remark("and refuse it with one character changed:");
            self.spoil(name)?;
            let line = format!("ceremony verify {name}.spoilt --pin people.pin --log-key shares/log.pub");
            self.does(&line, Promise::MALFORMED.saying(&["refused"]))?;
        }
        Ok(())
    }

    /// Changes one character in the middle of a transcript.
    fn spoil(&self, name: &str) -> Result<(), Error> {
        let text = self.read(&format!("{name}.transcript"))?;
        let middle = text.len() / 2;
        let changed = |(at, letter): (usize, char)| match letter {
            'A' if at >= middle => 'B',
            'B' if at >= middle => 'A',
            other => other,
        };
        let place = text.char_indices().position(|(at, letter)| at >= middle && matches!(letter, 'A' | 'B'));
        let spoilt = text.char_indices().enumerate().map(|(count, one)| match Some(count) == place {
            true => changed(one),
            false => one.1,
        });
        self.write(&format!("{name}.spoilt"), &spoilt.collect::<String>())
    }
}
