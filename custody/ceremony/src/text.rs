//! Text in requests: checked when it is read, and shown so that nothing in it can pass for something else.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use hufu_custodian::Name;
use minicbor::{Decode, Decoder, Encode, decode};
use serde::{Deserialize, Deserializer};

use crate::Refusal;

/// Longest text in bytes.
const TEXT_LEN_MAX: usize = 2000;
/// Longest identifier in bytes.
const IDENT_LEN_MAX: usize = 256;

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $why:literal, $good:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Deserialize)]
        #[cbor(transparent)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// As it is; to show it, use its `Display`.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Refusal;

            fn try_from(text: String) -> Result<Self, Refusal> {
                let good: fn(&str) -> bool = $good;
                let refused = || Refusal::Malformed { what: "a text", why: $why.to_owned() };
                if good(&text) { Ok(Self(text)) } else { Err(refused()) }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Refusal;

            fn try_from(text: &str) -> Result<Self, Refusal> {
                text.to_owned().try_into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&quoted(&self.0))
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                decoder.str()?.try_into().map_err(|_| decode::Error::message($why))
            }
        }
    };
}

checked_text! {
    /// What people wrote: one line of 1 to 2000 bytes, in any script. Shown between quotes, all but plain ASCII escaped.
    Text, "it is one line of 1 to 2000 bytes, without control characters",
    |text| !text.trim().is_empty() && text.len() <= TEXT_LEN_MAX && !text.chars().any(char::is_control)
}

checked_text! {
    /// What machines look up: 1 to 256 visible ASCII characters without a space, a quote or a backslash.
    Ident, "it is 1 to 256 visible ASCII characters without spaces, quotes and backslashes",
    |text| {
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        !text.is_empty() && text.len() <= IDENT_LEN_MAX && text.bytes().all(plain)
    }
}

impl Text {
    /// Any text, made fit: control characters become spaces, what is too long is cut off. For the messages of errors.
    #[must_use]
    pub fn made_fit(text: &str) -> Self {
        let mut fit = String::new();
        for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
            if fit.len().saturating_add(c.len_utf8()) > TEXT_LEN_MAX {
                break;
            }
            fit.push(c);
        }
        if fit.trim().is_empty() { Self("(nothing)".to_owned()) } else { Self(fit) }
    }
}

/// Text between quotes in printable ASCII: everything else, look-alikes and marks that turn the direction of writing among
/// it, is escaped with its code point. Two texts never look the same.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// The same without the quotes.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => shown.extend(['\\', c]),
            ' '..='~' => shown.push(c),
            _ => {
                // Writing to a string does not fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    shown
}

/// A name, from a file.
pub(crate) fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
    parse(&String::deserialize(deserializer)?)
}

/// Perhaps a name, from a file.
pub(crate) fn name_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Name>, D::Error> {
    name(deserializer).map(Some)
}

/// Names, from a file.
pub(crate) fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Name>, D::Error> {
    Vec::<String>::deserialize(deserializer)?.iter().map(|text| parse(text)).collect()
}

/// A table with names as its keys, from a file.
pub(crate) fn by_name<'de, D, V>(deserializer: D) -> Result<BTreeMap<Name, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    let table = BTreeMap::<String, V>::deserialize(deserializer)?;
    table.into_iter().map(|(key, value)| Ok((parse(&key)?, value))).collect()
}

fn parse<E: serde::de::Error>(text: &str) -> Result<Name, E> {
    text.parse().map_err(E::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_and_marks_are_shown_by_their_number() {
        // Cyrillic a, right-to-left override, zero-width space, soft hyphen, a combining accent, bell, newline.
        assert_eq!(quoted("p\u{430}y"), r#""p\u{430}y""#);
        assert_eq!(quoted("a\u{202e}b\u{200b}c\u{ad}d\u{301}"), r#""a\u{202e}b\u{200b}c\u{ad}d\u{301}""#);
        assert_eq!(quoted("\u{7}\n"), r#""\u{7}\u{a}""#);
        assert_eq!(quoted(r#"a"b\u{41}"#), r#""a\"b\\u{41}""#);
    }

    #[test]
    fn texts_are_one_line_and_identifiers_are_plain() {
        assert!(Text::try_from("Überführung 钥匙").is_ok());
        for bad in ["", "  ", "a\nb", "a\u{85}b", "\u{1b}[2J"] {
            assert!(Text::try_from(bad).is_err(), "{bad:?}");
        }
        assert!(Text::try_from("a".repeat(TEXT_LEN_MAX + 1)).is_err());
        for any in ["", "\n\n", "a\nb", &"é".repeat(1500), &format!("a{}", "é".repeat(1500))] {
            let fit = Text::made_fit(any);
            assert_eq!(Text::try_from(fit.as_str()), Ok(fit), "{any:?}");
        }
        assert_eq!(Text::made_fit("as it is").as_str(), "as it is");
        assert!(Ident::try_from("tenants/acme/keys/signing").is_ok());
        for bad in ["", "a b", "ä", "a\"", "a\\", "a\u{7f}"] {
            assert!(Ident::try_from(bad).is_err(), "{bad:?}");
        }
    }
}
