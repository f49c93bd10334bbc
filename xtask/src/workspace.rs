//! The workspace as cargo sees it.

use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, Package, TargetKind};

use crate::error::Error;
use crate::tool::Tool;

/// Where things are, and what belongs to us.
#[derive(Debug)]
pub(crate) struct Workspace {
    metadata: Metadata,
}

impl Workspace {
    /// Asks `cargo metadata`; the root is the parent of this crate's directory.
    pub(crate) fn load() -> Result<Self, Error> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let here =
            std::env::var_os("CARGO_MANIFEST_DIR").map_or(manifest, |dir| PathBuf::from(dir).join("Cargo.toml"));
        let metadata = MetadataCommand::new().manifest_path(here).no_deps().exec()?;
        Ok(Self { metadata })
    }

    /// The directory of the workspace's `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// Our own packages.
    pub(crate) fn packages(&self) -> Vec<&Package> {
        self.metadata.workspace_packages()
    }

    /// A binary of ours in the dev profile; it exists after [`Workspace::build_binaries`].
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.target().join("debug").join(name)
    }

    /// The directory that cargo builds in.
    pub(crate) fn target(&self) -> &Path {
        self.metadata.target_directory.as_std_path()
    }

    /// Names of the bench targets of all our packages.
    pub(crate) fn benches(&self) -> Vec<String> {
        self.packages()
            .into_iter()
            .flat_map(|package| &package.targets)
            .filter(|target| target.kind.contains(&TargetKind::Bench))
            .map(|target| target.name.clone())
            .collect()
    }

    /// Builds every binary of the workspace in the dev profile.
    ///
    /// Always the whole workspace, so that features unify as they do in `cargo test --workspace`
    /// and nothing is compiled twice.
    pub(crate) fn build_binaries(&self) -> Result<(), Error> {
        self.cargo(["build", "--workspace", "--bins", "--locked"]).run()
    }

    /// A cargo command in the workspace's root.
    pub(crate) fn cargo<const N: usize>(&self, args: [&str; N]) -> Tool {
        Tool::cargo().args(args).in_dir(self.root())
    }
}
