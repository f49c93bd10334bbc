use std::fmt::Write as _;
use std::path::Path;

use cryptoki::error::Rv;

use super::*;

const WRITE: &str = "HUFU_WRITE_DOCS";

const HEAD: &str = "# What PKCS#11 return codes mean to Hufu

Made from `hsm-adapters/pkcs11/src/codes.rs`, by which the adapter decides: change it there, then run
`HUFU_WRITE_DOCS=1 cargo test -p hufu-pkcs11 --lib codes`.

| Meaning | What the adapter does | What the caller is told |
|---|---|---|
| fine | goes on | |
| retry | makes the call again on the same session, then as for *session* | `BACKEND_UNAVAILABLE` if nothing helped |
| login | logs in again on the same session, then as for *session* | the same |
| session | opens a new session and finds the key anew by serial number, CKA_ID and fingerprint; then as for *module* | the same |
| module | C_Finalize and C_Initialize, as soon as no call is under way, then a new session | the same |
| gone | looks for the token in every slot, then as for *module* | the same |
| PIN | from C_Login: never presents the PIN again until the next start, health is down | `BACKEND_UNAVAILABLE` |
| not genuine | nothing | `DECRYPTION_FAILED` |
| input | nothing | `INVALID_ARGUMENT` |
| unsupported | nothing | `UNSUPPORTED_BY_BACKEND` |
| full | nothing; the session stays | `BACKEND_UNAVAILABLE` |
| our bug | nothing | `BACKEND_UNAVAILABLE`, the log says more |

A step is taken for the next caller even where this one is not served again. What makes another result each time (a key, an ECDSA or PSS
signature) is asked for again only when nothing can have happened: the call was one that has no effect (C_SignInit), or the code is one of
*refused*. After several faults in a row without a success the breaker opens: callers are answered at once, and the adapter tries by itself
four times a second until the token is back.

| Code | Number | Meaning | Refused | In words |
|---|---|---|---|---|
";

#[test]
fn the_page_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations/pkcs11-codes.md");
    let made = page();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == made, "{} differs from the table; {WRITE}=1 writes it", path.display());
}

#[test]
fn codes_of_the_standard_have_rows_of_their_own() {
    // PKCS #11 v3.1 has 91 codes besides CKR_OK; v3.2 adds six.
    let numbers: Vec<_> = (1..0x1000).filter(|number| entry(of(*number)) != UNKNOWN).collect();
    assert!(numbers.len() >= 97, "{}", numbers.len());
    let mut names: Vec<_> = numbers.iter().map(|number| entry(of(*number)).name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), numbers.len(), "a name stands for one number");
}

#[test]
fn every_problem_of_the_pin_is_told_as_one() {
    for number in 0xa0..=0xa4 {
        assert_eq!(entry(of(number)).meaning, Meaning::Pin);
    }
}

#[test]
fn codes_that_nobody_knows_void_the_session() {
    for code in [RvError::VendorDefined(0x8000_0001), RvError::UnknownErrorCode(0x777)] {
        let entry = entry(code);
        assert_eq!((entry.meaning, entry.refused), (Meaning::Session, false));
    }
}

fn of(number: u64) -> RvError {
    match Rv::from(number) {
        Rv::Error(code) => code,
        Rv::Ok => panic!("{number} is no error"),
    }
}

fn page() -> String {
    let mut text = HEAD.to_owned();
    for number in 1..0x1000 {
        let entry = entry(of(number));
        if entry != UNKNOWN {
            add(&mut text, entry, &format!("0x{number:x}"));
        }
    }
    add(&mut text, VENDOR, "0x80000000 and above");
    add(&mut text, UNKNOWN, "");
    text
}

fn add(text: &mut String, entry: Entry, number: &str) {
    let Entry { name, meaning, refused, words } = entry;
    let (meaning, refused) = (in_words(meaning), if refused { "yes" } else { "" });
    writeln!(text, "| `{name}` | {number} | {meaning} | {refused} | {words} |").unwrap();
}

fn in_words(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Fine => "fine",
        Meaning::Retry => "retry",
        Meaning::Login => "login",
        Meaning::Session => "session",
        Meaning::Module => "module",
        Meaning::Gone => "gone",
        Meaning::Pin => "PIN",
        Meaning::NotGenuine => "not genuine",
        Meaning::Input => "input",
        Meaning::Unsupported => "unsupported",
        Meaning::Full => "full",
        Meaning::Ours => "our bug",
    }
}
