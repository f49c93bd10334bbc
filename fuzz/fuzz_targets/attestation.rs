//! Files from a stranger are judged without panic, and no statement is good: the key of the root that is trusted here was
//! thrown away.
#![no_main]

use hufu_attestation::{Evidence, public_key, verify};
use libfuzzer_sys::fuzz_target;

const ROOT: &str = "\
-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUIwLG6WL6g2Rb0GzLENgPwFH7C0EwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEUm9vdDAgFw0yNjExMjEwMzU1MzJaGA8yMTI2MTAyODAzNTUz
MlowDzENMAsGA1UEAwwEUm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLb8
bijs59uqJRl5+U2Y0fMMrWJXbK47N2/ZV2ERcGDIJjOZwIoNKPM4z36jUtJF1sUx
vL9iT/tQ0peDpxG/fl2jUzBRMB0GA1UdDgQWBBRPCEcRO2QyUPbn5yX1wi16NDlS
xDAfBgNVHSMEGDAWgBRPCEcRO2QyUPbn5yX1wi16NDlSxDAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQDWDano+OK5onHOFqYuNcMEoZvqImfP5pKq
wgQRBgjn2AIhANoWXDgSVggrPFR2WJvxxhZTc7FZFW3rqfW8eJwD9O8S
-----END CERTIFICATE-----
";

const KEY: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtvxuKOzn26olGXn5TZjR8wytYlds
rjs3b9lXYRFwYMgmM5nAig0o8zjPfqNS0kXWxTG8v2JP+1DSl4OnEb9+XQ==
-----END PUBLIC KEY-----
";

fuzz_target!(|bytes: &[u8]| {
    let (root, key) = (ROOT.as_bytes(), KEY.as_bytes());
    let judged = |statement, intermediates, anchors, public_key| {
        verify(&Evidence { statement, intermediates, anchors, public_key, at_ms: 1_800_000_000_000 })
    };
    assert!(judged(bytes, &[], root, key).is_err());
    assert!(judged(bytes, bytes, root, key).is_err());
    let _ = judged(root, &[], bytes, key);
    if let Ok(der) = public_key(bytes) {
        assert_eq!(public_key(&der).as_ref(), Ok(&der));
    }
});
