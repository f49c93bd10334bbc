//! Checkpoint bodies (c2sp.org/tlog-checkpoint): origin, size, root and extension lines.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::base64;
use crate::error::CheckpointError;
use crate::hash::Hash;
use crate::tree::SIZE_MAX;

/// Longest origin, and longest extension line, in bytes.
pub const ORIGIN_LEN_MAX: usize = 255;

const EXTENSIONS_MAX: usize = 16;

/// What a log says about its tree at one size: the text of a signed note.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Identity of the log.
    pub origin: String,
    /// Number of leaves, below 2^63.
    pub size: u64,
    /// Root of the tree of that size.
    pub root: Hash,
    /// Further lines, opaque. The standard advises against them.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// Writes the text, each line ended by a newline.
    ///
    /// # Errors
    /// [`CheckpointError`] if a field would not survive the way back through [`Checkpoint::parse`].
    pub fn encode(&self) -> Result<String, CheckpointError> {
        check_line(&self.origin, CheckpointError::Origin)?;
        check_extensions(&self.extensions)?;
        if self.size > SIZE_MAX {
            return Err(CheckpointError::Size);
        }
        Ok(alloc::format!("{self}"))
    }

    /// Reads the text. Each checkpoint has one spelling.
    ///
    /// # Errors
    /// [`CheckpointError`] says which part is malformed.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n');
        let mut next = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Lines);
        let (origin, size, root) = (next()?, next()?, next()?);
        check_line(origin, CheckpointError::Origin)?;
        // One more than allowed is enough to refuse; the rest need not be copied.
        let extensions: Vec<String> = lines.take(EXTENSIONS_MAX + 1).map(String::from).collect();
        check_extensions(&extensions)?;
        Ok(Self { origin: origin.into(), size: parse_size(size)?, root: parse_root(root)?, extensions })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, base64::encode(&self.root.0))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

fn parse_size(text: &str) -> Result<u64, CheckpointError> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let size = text.parse().ok().filter(|size| canonical && digits && *size <= SIZE_MAX);
    size.ok_or(CheckpointError::Size)
}

fn parse_root(text: &str) -> Result<Hash, CheckpointError> {
    let bytes = base64::decode(text).ok_or(CheckpointError::Root)?;
    bytes.try_into().map(Hash).map_err(|_| CheckpointError::Root)
}

fn check_extensions(lines: &[String]) -> Result<(), CheckpointError> {
    if lines.len() > EXTENSIONS_MAX {
        return Err(CheckpointError::Extension);
    }
    lines.iter().try_for_each(|line| check_line(line, CheckpointError::Extension))
}

fn check_line(line: &str, error: CheckpointError) -> Result<(), CheckpointError> {
    let fits = !line.is_empty() && line.len() <= ORIGIN_LEN_MAX;
    if fits && !line.chars().any(char::is_control) { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_example_of_the_specification() {
        let checkpoint = Checkpoint::parse(EXAMPLE).unwrap();
        assert_eq!(checkpoint.origin, "example.com/behind-the-sofa");
        assert_eq!(checkpoint.size, 20_852_163);
        assert_eq!(checkpoint.encode().unwrap(), EXAMPLE);
        let extended = alloc::format!("{EXAMPLE}one more\nand another\n");
        let checkpoint = Checkpoint::parse(&extended).unwrap();
        assert_eq!(checkpoint.extensions, ["one more", "and another"]);
        assert_eq!(checkpoint.encode().unwrap(), extended);
    }

    #[test]
    fn malformed_bodies_are_refused() {
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        let refused = [
            ("", CheckpointError::Lines),
            ("\n", CheckpointError::Lines),
            ("o\n1\n", CheckpointError::Lines),
            ("\n1\n{root}\n", CheckpointError::Lines),
            ("o\n1\n{root}", CheckpointError::Lines),
            ("o\r\n1\n{root}\n", CheckpointError::Origin),
            ("o\n01\n{root}\n", CheckpointError::Size),
            ("o\n00\n{root}\n", CheckpointError::Size),
            ("o\n+1\n{root}\n", CheckpointError::Size),
            ("o\n-1\n{root}\n", CheckpointError::Size),
            ("o\n1 \n{root}\n", CheckpointError::Size),
            ("o\n9223372036854775808\n{root}\n", CheckpointError::Size),
            ("o\n1\nAAAA\n", CheckpointError::Root),
            ("o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n", CheckpointError::Root),
            ("o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n", CheckpointError::Root),
            ("o\n1\n{root}\n\n", CheckpointError::Extension),
            ("o\n1\n{root}\n\nx\n", CheckpointError::Extension),
        ];
        for (text, error) in refused {
            let text = text.replace("{root}", root);
            assert_eq!(Checkpoint::parse(&text), Err(error), "{text:?}");
        }
        let many = alloc::format!("o\n1\n{root}\n{}", "x\n".repeat(EXTENSIONS_MAX + 1));
        assert_eq!(Checkpoint::parse(&many), Err(CheckpointError::Extension));
    }

    #[test]
    fn what_would_not_come_back_is_not_written() {
        let good = Checkpoint::parse(EXAMPLE).unwrap();
        let bad = Checkpoint { origin: "two\nlines".into(), ..good.clone() };
        assert_eq!(bad.encode(), Err(CheckpointError::Origin));
        let bad = Checkpoint { size: SIZE_MAX + 1, ..good.clone() };
        assert_eq!(bad.encode(), Err(CheckpointError::Size));
        let bad = Checkpoint { extensions: alloc::vec![String::new()], ..good };
        assert_eq!(bad.encode(), Err(CheckpointError::Extension));
    }
}
