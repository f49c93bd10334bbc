use crate::v1::ErrorReason;

const PREFIX: &str = "ERROR_REASON_";

impl ErrorReason {
    /// The name that travels as `google.rpc.ErrorInfo.reason`, for example `WRONG_STATE`.
    pub fn name(self) -> &'static str {
        let name = self.as_str_name();
        name.strip_prefix(PREFIX).unwrap_or(name)
    }

    /// The reason of this name, or `None` for a name that this release does not know.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::from_str_name(&format!("{PREFIX}{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_that_reads_back() {
        for number in 0..=i32::from(u8::MAX) {
            let Ok(reason) = ErrorReason::try_from(number) else {
                assert_eq!(number, 32, "reasons are numbered without gaps");
                return;
            };
            assert!(!reason.name().starts_with(PREFIX));
            assert_eq!(ErrorReason::from_name(reason.name()), Some(reason));
        }
        unreachable!("fewer than 256 reasons");
    }

    #[test]
    fn unknown_names_are_none() {
        assert_eq!(ErrorReason::from_name("NO_SUCH_REASON"), None);
        assert_eq!(ErrorReason::from_name("ERROR_REASON_INTERNAL"), None);
    }
}
