//! Which of our crates may depend on which, and who owns which third-party crate.

use std::collections::BTreeSet;

use cargo_metadata::{Dependency, DependencyKind, Package};

use super::Problem;

/// What one of our crates may name; `tests` adds to `code` in dev-dependencies.
#[derive(Debug)]
struct Row {
    name: &'static str,
    code: &'static [&'static str],
    tests: &'static [&'static str],
}

const fn row(name: &'static str, code: &'static [&'static str], tests: &'static [&'static str]) -> Row {
    Row { name, code, tests }
}

/// `server -> wiring -> {engine -> journal, policy, storage, adapters} -> core`;
/// `cli -> sdk -> proto`, and `cli -> assess -> {pkcs11, software, conformance}`, which needs no service. Adapters, policy, storage and
/// ledger do not know each other.
const DIRECTION: &[Row] = &[
    row("hufu-secret", &[], &[]),
    row("hufu-codec", &[], &[]),
    row("hufu-core", &["hufu-codec", "hufu-secret"], &[]),
    row("hufu-custodian", &["hufu-codec", "hufu-secret"], &[]),
    // The private side: a tool's, so it knows what holds keys. The pure crates of custody never know it.
    row(
        "hufu-custodian-keys",
        &["hufu-codec", "hufu-secret", "hufu-core", "hufu-custodian", "hufu-software", "hufu-pkcs11", "hufu-tpm"],
        &[],
    ),
    row("hufu-shares", &["hufu-codec", "hufu-secret", "hufu-custodian"], &[]),
    row("hufu-ceremony", &["hufu-codec", "hufu-custodian"], &["hufu-secret"]),
    row("hufu-frost", &["hufu-codec", "hufu-secret"], &[]),
    row("hufu-sealed", &["hufu-core", "hufu-secret", "hufu-software", "hufu-custodian", "hufu-shares"], &[]),
    // What makes keys is given to it: the engine knows it, and no adapter.
    row(
        "hufu-opener",
        &["hufu-core", "hufu-secret", "hufu-codec", "hufu-custodian", "hufu-shares", "hufu-transport"],
        &["hufu-software"],
    ),
    row("hufu-proto", &[], &[]),
    row("hufu-tlog", &[], &[]),
    row("hufu-verify", &["hufu-tlog"], &[]),
    row("hufu-attestation", &[], &[]),
    row("hufu-audit", &["hufu-core"], &[]),
    row("hufu-journal", &["hufu-core", "hufu-audit"], &[]),
    row("hufu-policy", &["hufu-core"], &[]),
    row("hufu-conformance", &["hufu-core", "hufu-secret", "hufu-transport"], &[]),
    row("hufu-storage", &["hufu-core"], &["hufu-conformance"]),
    row("hufu-group", &["hufu-core"], &["hufu-secret", "hufu-conformance", "hufu-pkcs11", "hufu-software"]),
    row("hufu-pool", &["hufu-core"], &[]),
    // Its devices are holders, who speak the words of custody.
    row("hufu-threshold", &["hufu-core", "hufu-frost", "hufu-custodian"], &["hufu-secret"]),
    // How keys travel, for the service and for whoever sends or receives one.
    row("hufu-transport", &["hufu-secret"], &[]),
    row("hufu-entropy", &[], &[]),
    row(
        "hufu-assess",
        &["hufu-core", "hufu-secret", "hufu-conformance", "hufu-pkcs11", "hufu-software", "hufu-entropy"],
        &[],
    ),
    row("hufu-software", &["hufu-core", "hufu-secret", "hufu-pool", "hufu-transport"], &["hufu-conformance"]),
    row("hufu-tpm", &["hufu-core", "hufu-secret", "hufu-pool"], &["hufu-conformance", "hufu-software"]),
    row("hufu-pkcs11", &["hufu-core", "hufu-secret"], &["hufu-conformance", "hufu-software", "hufu-transport"]),
    // The process that holds the driver is one with the adapter that it isolates.
    row("hufu-worker", &["hufu-core", "hufu-secret", "hufu-pkcs11"], &["hufu-conformance", "hufu-software"]),
    row("hufu-guard", &["hufu-core"], &["hufu-secret"]),
    row("hufu-log", &["hufu-core", "hufu-tlog", "hufu-verify"], &[]),
    row(
        "hufu-engine",
        &[
            "hufu-core",
            "hufu-secret",
            "hufu-entropy",
            "hufu-custodian",
            "hufu-ceremony",
            "hufu-shares",
            "hufu-opener",
            "hufu-frost",
            "hufu-journal",
            "hufu-audit",
            "hufu-tlog",
            "hufu-verify",
            "hufu-log",
        ],
        &["hufu-storage", "hufu-software", "hufu-sealed", "hufu-policy"],
    ),
    row(
        "hufu-wiring",
        &[
            "hufu-core",
            "hufu-secret",
            "hufu-engine",
            "hufu-journal",
            "hufu-audit",
            "hufu-storage",
            "hufu-policy",
            "hufu-log",
            "hufu-tlog",
            "hufu-verify",
            "hufu-software",
            "hufu-sealed",
            "hufu-opener",
            "hufu-custodian",
            "hufu-custodian-keys",
            "hufu-ceremony",
            "hufu-shares",
            "hufu-threshold",
            // As a client of holders.
            "hufu-proto",
            "hufu-group",
            "hufu-tpm",
            "hufu-pkcs11",
            "hufu-worker",
            "hufu-guard",
        ],
        &[],
    ),
    row("hufu-server", &["hufu-core", "hufu-secret", "hufu-engine", "hufu-wiring", "hufu-proto"], &[]),
    row(
        "hufu-sdk",
        // What a requester signs is the holders' language.
        &[
            "hufu-proto",
            "hufu-tlog",
            "hufu-verify",
            "hufu-attestation",
            "hufu-transport",
            "hufu-secret",
            "hufu-custodian",
            "hufu-shares",
            "hufu-frost",
        ],
        &[],
    ),
    row(
        "hufu-cli",
        &["hufu-sdk", "hufu-assess", "hufu-custodian", "hufu-custodian-keys", "hufu-shares", "hufu-ceremony"],
        &["hufu-secret", "hufu-tlog", "hufu-verify"],
    ),
    row(
        "hufu-softhsm-tests",
        &[
            "hufu-sdk",
            "hufu-proto",
            "hufu-verify",
            "hufu-tlog",
            "hufu-core",
            "hufu-audit",
            "hufu-custodian",
            "hufu-ceremony",
        ],
        &[
            "hufu-engine",
            "hufu-wiring",
            "hufu-secret",
            "hufu-pkcs11",
            "hufu-worker",
            "hufu-conformance",
            "hufu-software",
            "hufu-group",
            "hufu-transport",
            "hufu-custodian-keys",
            "hufu-frost",
            "hufu-shares",
        ],
    ),
    // Nothing depends on it: it is loaded as any vendor's library is.
    row("hufu-fault-module", &[], &[]),
    row("xtask", &[], &[]),
];

/// Third-party crates, by the beginning of their name, and the only crates that may name them.
const OWNED: &[(&str, &[&str])] = &[
    ("sqlx", &["hufu-storage"]),
    ("cryptoki", &["hufu-pkcs11", "hufu-assess", "hufu-softhsm-tests", "hufu-fault-module"]),
    ("tss-esapi", &["hufu-tpm"]),
    ("alloy", &["hufu-evm"]),
    ("frost", &["hufu-frost"]),
    ("cedar-policy", &["hufu-policy"]),
];

/// Compares every dependency of our crates with the tables.
pub(crate) fn check(packages: &[&Package]) -> Vec<Problem> {
    let ours: BTreeSet<_> = packages.iter().map(|package| package.name.as_str()).collect();
    packages.iter().flat_map(|package| problems_of(package, &ours)).collect()
}

fn problems_of(package: &Package, ours: &BTreeSet<&str>) -> Vec<Problem> {
    let Some(row) = DIRECTION.iter().find(|row| row.name == package.name.as_str()) else {
        let text = "is not in the table of dependency directions (xtask/src/tidy/direction.rs)";
        return vec![Problem::new(package.name.as_str(), text)];
    };
    package
        .dependencies
        .iter()
        .filter_map(|dependency| {
            if ours.contains(dependency.name.as_str()) {
                against_direction(row, dependency)
            } else {
                not_owner(row.name, &dependency.name)
            }
        })
        .collect()
}

fn against_direction(row: &Row, dependency: &Dependency) -> Option<Problem> {
    let name = dependency.name.as_str();
    let in_tests = dependency.kind == DependencyKind::Development && row.tests.contains(&name);
    if row.code.contains(&name) || in_tests {
        return None;
    }
    let text = format!("must not depend on `{name}`: the direction of ARCHITECTURE.md forbids it");
    Some(Problem::new(row.name, text))
}

fn not_owner(name: &str, dependency: &str) -> Option<Problem> {
    let (crates, owners) = OWNED.iter().find(|(prefix, _)| belongs_to(dependency, prefix))?;
    if owners.contains(&name) {
        return None;
    }
    let text = format!("must not name `{dependency}`: {crates} belongs to {}", owners.join(", "));
    Some(Problem::new(name, text))
}

/// `sqlx` and `sqlx-core` belong to `sqlx`, `sqlxmq` does not.
fn belongs_to(dependency: &str, prefix: &str) -> bool {
    dependency.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use cargo_metadata::MetadataCommand;

    use super::*;

    /// Problems of a workspace of the crates `name: dependencies`, as cargo reads it.
    fn problems(crates: &[(&str, &str)]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let names: Vec<_> = crates.iter().map(|(name, _)| format!("{name:?}")).collect();
        let manifest = format!("[workspace]\nresolver = \"3\"\nmembers = [{}]", names.join(","));
        std::fs::write(root.path().join("Cargo.toml"), manifest).unwrap();
        for (name, dependencies) in crates {
            let directory = root.path().join(name);
            std::fs::create_dir_all(directory.join("src")).unwrap();
            std::fs::write(directory.join("src/lib.rs"), "").unwrap();
            let manifest = format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\n{dependencies}");
            std::fs::write(directory.join("Cargo.toml"), manifest).unwrap();
        }
        let metadata = MetadataCommand::new().manifest_path(root.path().join("Cargo.toml")).no_deps().exec().unwrap();
        let found = check(&metadata.workspace_packages());
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn allowed_direction_passes() {
        let found = problems(&[
            ("hufu-core", ""),
            ("hufu-conformance", ""),
            (
                "hufu-storage",
                "[dependencies]\nhufu-core.path = \"../hufu-core\"\nsqlx = \"0.9\"\n\
                 [dev-dependencies]\nhufu-conformance.path = \"../hufu-conformance\"",
            ),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn reversed_direction_is_reported() {
        let found =
            problems(&[("hufu-core", "[dependencies]\nhufu-engine.path = \"../hufu-engine\""), ("hufu-engine", "")]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("hufu-core: must not depend on `hufu-engine`"));
    }

    #[test]
    fn test_dependency_in_code_is_reported() {
        let found = problems(&[
            ("hufu-conformance", ""),
            ("hufu-storage", "[dependencies]\nhufu-conformance.path = \"../hufu-conformance\""),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn foreign_crate_outside_its_owner_is_reported() {
        let found = problems(&[("hufu-core", "[dependencies]\nsqlx-core = \"0.9\"")]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("sqlx belongs to hufu-storage"), "{found:?}");
    }

    #[test]
    fn crate_outside_the_table_is_reported() {
        let found = problems(&[("hufu-surprise", "")]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("not in the table"), "{found:?}");
    }

    #[test]
    fn prefix_ends_at_a_hyphen() {
        assert!(belongs_to("sqlx", "sqlx"));
        assert!(belongs_to("sqlx-postgres", "sqlx"));
        assert!(!belongs_to("sqlxmq", "sqlx"));
    }
}
