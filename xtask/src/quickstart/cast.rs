//! The keys of the story, and how OpenSSL verifies their signatures.

use crate::tool::Tool;

/// A key of the story.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) algorithm: &'static str,
    pub(super) protection: &'static str,
    /// What it shows, in words.
    pub(super) told: &'static str,
    /// OpenSSL's command line for one signature.
    pub(super) openssl: fn(&Signed<'_>) -> Tool,
}

impl Key {
    /// One of the files that belong to the key.
    pub(super) fn file(&self, ending: &str) -> String {
        format!("{}.{ending}", self.name)
    }

    /// A version as the command line names it.
    pub(super) fn version(&self, number: u32) -> String {
        format!("{}@{number}", self.name)
    }
}

/// The files of one signature.
#[derive(Debug)]
pub(super) struct Signed<'a> {
    pub(super) public_key: &'a str,
    pub(super) signature: &'a str,
    pub(super) message: &'a str,
}

/// One key that never leaves the token, and one of the Chinese standards, which SoftHSM cannot hold.
pub(super) const CAST: [Key; 2] = [
    Key {
        name: "tiger",
        algorithm: "p256",
        protection: "hsm",
        told: "a P-256 key, born in the SoftHSM token",
        openssl: verify_ecdsa,
    },
    Key {
        name: "tally",
        algorithm: "sm2",
        protection: "software",
        told: "an SM2 key in software, wrapped at rest",
        openssl: verify_sm2,
    },
];

fn verify_ecdsa(signed: &Signed<'_>) -> Tool {
    Tool::new("openssl").args(["dgst", "-sha256", "-verify", signed.public_key]).args([
        "-signature",
        signed.signature,
        signed.message,
    ])
}

/// GM/T 0009: without agreement on another, the signer's distinguishing id is this one.
fn verify_sm2(signed: &Signed<'_>) -> Tool {
    Tool::new("openssl")
        .args(["pkeyutl", "-verify", "-rawin", "-digest", "sm3", "-pubin", "-inkey", signed.public_key])
        .args(["-sigfile", signed.signature, "-in", signed.message])
        .args(["-pkeyopt", "distid:1234567812345678"])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenSSL's own signatures verify with the command lines that the story uses, and no others.
    #[test]
    fn command_lines_verify_and_refuse() {
        if crate::tool::find("openssl").is_none() {
            println!("skipped: openssl not installed");
            return;
        }
        let sign_p256: &[&str] = &["dgst", "-sha256", "-sign", "key", "-out", "sig", "message"];
        let sign_sm2: &[&str] = &[
            "pkeyutl",
            "-sign",
            "-rawin",
            "-digest",
            "sm3",
            "-inkey",
            "key",
            "-in",
            "message",
            "-out",
            "sig",
            "-pkeyopt",
            "distid:1234567812345678",
        ];
        for (key, curve, sign) in [(&CAST[0], "P-256", sign_p256), (&CAST[1], "SM2", sign_sm2)] {
            let directory = tempfile::tempdir().unwrap();
            let openssl = |args: &[&str]| {
                let tool = Tool::new("openssl").args(args).in_dir(directory.path());
                tool.quiet().unwrap();
            };
            std::fs::write(directory.path().join("message"), "tiger tally").unwrap();
            let curve = format!("ec_paramgen_curve:{curve}");
            openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", &curve, "-out", "key"]);
            openssl(&["pkey", "-in", "key", "-pubout", "-out", "public"]);
            openssl(sign);
            let verdict = |message: &str| {
                let signed = Signed { public_key: "public", signature: "sig", message };
                let tool = (key.openssl)(&signed).in_dir(directory.path());
                tool.capture().unwrap().code
            };
            assert_eq!(verdict("message"), Some(0), "{}", key.name);
            assert_ne!(verdict("public"), Some(0), "{}", key.name);
        }
    }
}
