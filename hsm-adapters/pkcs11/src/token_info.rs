//! What a token says of itself.

use cryptoki::slot::Limit;
use cryptoki_sys::{
    CK_EFFECTIVELY_INFINITE, CK_FLAGS, CK_TOKEN_INFO, CK_ULONG, CK_UTF8CHAR, CKF_TOKEN_INITIALIZED,
    CKF_USER_PIN_INITIALIZED, CKF_WRITE_PROTECTED,
};

/// What a token says of itself (CK_TOKEN_INFO, PKCS #11 v3.1 §3.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenInfo {
    /// Its label.
    pub label: String,
    /// Its manufacturer.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// Version of the hardware, major and minor.
    pub hardware_version: (u8, u8),
    /// Version of the firmware, major and minor.
    pub firmware_version: (u8, u8),
    /// Most sessions of an application at a time; nothing where it tells no limit.
    pub sessions_max: Option<u64>,
    pub(crate) is_initialized: bool,
    pub(crate) is_user_pin_initialized: bool,
    pub(crate) is_write_protected: bool,
}

impl From<cryptoki::slot::TokenInfo> for TokenInfo {
    fn from(info: cryptoki::slot::TokenInfo) -> Self {
        let (hardware, firmware) = (info.hardware_version(), info.firmware_version());
        Self {
            label: info.label().to_owned(),
            manufacturer: info.manufacturer_id().to_owned(),
            model: info.model().to_owned(),
            serial: info.serial_number().to_owned(),
            hardware_version: (hardware.major(), hardware.minor()),
            firmware_version: (firmware.major(), firmware.minor()),
            sessions_max: match info.max_session_count() {
                Limit::Max(count) => Some(count),
                Limit::Unavailable | Limit::Infinite => None,
            },
            is_initialized: info.token_initialized(),
            is_user_pin_initialized: info.user_pin_initialized(),
            is_write_protected: info.write_protected(),
        }
    }
}

impl From<&CK_TOKEN_INFO> for TokenInfo {
    fn from(info: &CK_TOKEN_INFO) -> Self {
        let flags = info.flags;
        let is = |flag: CK_FLAGS| flags & flag != 0;
        Self {
            label: padded(&info.label),
            manufacturer: padded(&info.manufacturerID),
            model: padded(&info.model),
            serial: padded(&info.serialNumber),
            hardware_version: (info.hardwareVersion.major, info.hardwareVersion.minor),
            firmware_version: (info.firmwareVersion.major, info.firmwareVersion.minor),
            sessions_max: limit(info.ulMaxSessionCount),
            is_initialized: is(CKF_TOKEN_INITIALIZED),
            is_user_pin_initialized: is(CKF_USER_PIN_INITIALIZED),
            is_write_protected: is(CKF_WRITE_PROTECTED),
        }
    }
}

/// A number of sessions; neither CK_EFFECTIVELY_INFINITE nor CK_UNAVAILABLE_INFORMATION is one.
fn limit(count: CK_ULONG) -> Option<u64> {
    const UNAVAILABLE: CK_ULONG = CK_ULONG::MAX;
    Some(count).filter(|count| !matches!(*count, CK_EFFECTIVELY_INFINITE | UNAVAILABLE))
}

/// A field that is filled up with blanks.
fn padded(field: &[CK_UTF8CHAR]) -> String {
    String::from_utf8_lossy(field).trim_end_matches(' ').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_past_cryptoki_reads_the_same() {
        let mut raw = CK_TOKEN_INFO { flags: CKF_TOKEN_INITIALIZED | CKF_WRITE_PROTECTED, ..Default::default() };
        raw.label = [b' '; 32];
        raw.manufacturerID = [b' '; 32];
        raw.model = [b' '; 16];
        raw.serialNumber = [b' '; 16];
        raw.serialNumber[..3].copy_from_slice(b"123");
        raw.ulMaxSessionCount = 7;
        raw.hardwareVersion.minor = 4;
        let info = TokenInfo::from(&raw);
        assert_eq!((info.serial.as_str(), info.label.as_str(), info.sessions_max), ("123", "", Some(7)));
        assert_eq!(info.hardware_version, (0, 4));
        assert!(info.is_initialized && info.is_write_protected && !info.is_user_pin_initialized);
        assert_eq!((limit(0), limit(CK_ULONG::MAX)), (None, None));
    }
}
