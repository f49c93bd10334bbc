//! The methods of the service, as metrics and idempotence name them.

use hufu_engine::api::BATCH_UNDER_WAY_MAX;

macro_rules! methods {
    ($($name:ident,)*) => {
        /// A method of one of the services of `hufu.v1`.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Method {
            $(
                #[doc = concat!("`", stringify!($name), "`.")]
                $name,
            )*
        }

        impl Method {
            /// Every method.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The method's name, without its service.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The method's place in [`Self::ALL`].
            #[must_use]
            pub fn index(self) -> usize {
                self as usize
            }
        }
    };
}

methods! {
    CreateKey,
    GetKey,
    ListKeys,
    UpdateKey,
    RotateKey,
    ListKeyVersions,
    GetKeyVersion,
    ActivateKeyVersion,
    SuspendKeyVersion,
    ResumeKeyVersion,
    RevokeKeyVersion,
    ScheduleDestroyKeyVersion,
    CancelDestroyKeyVersion,
    GetPublicKey,
    CreateImportJob,
    GetImportJob,
    ImportKey,
    WrapKey,
    UnwrapKey,
    ExportKey,
    Sign,
    SignBatch,
    Verify,
    Encrypt,
    Decrypt,
    GenerateDataKey,
    Mac,
    VerifyMac,
    Encapsulate,
    Decapsulate,
    DeriveSharedSecret,
    GenerateRandom,
    GetCheckpoint,
    GetLogKey,
    ProveKeyVersion,
    ProveConsistency,
    ListAuditRecords,
    ExportAuditSegments,
    VerifyAudit,
    GetStatus,
    RotateTenantKey,
    GetTenantKey,
    GetSealStatus,
    SubmitShare,
    ListRootTranscripts,
    GetRootTranscript,
    ConfirmRootShare,
    CreateCeremony,
    GetCeremony,
    ListCeremonies,
    ApproveCeremony,
    VetoCeremony,
    CancelCeremony,
    SubmitCeremonyShare,
    ExecuteCeremony,
    GetTranscript,
    CreateShareTarget,
    GetShareTarget,
    GetShareSet,
    ListShareSets,
    FetchShare,
    ConfirmShare,
    GetDepositTerms,
    CreateDeposit,
    GetDeposit,
    ListDeposits,
    DeleteDeposit,
    CancelDeleteDeposit,
    FetchHandovers,
    GetHolder,
    BeginGeneration,
    ContinueGeneration,
    FinishGeneration,
    CommitToSign,
    SignShare,
    ListHolderShares,
    DestroyHolderShare,
}

impl Method {
    /// Operations of a backend that a call of this method has under way at once.
    #[must_use]
    pub fn operations(self) -> usize {
        if self == Self::SignBatch { BATCH_UNDER_WAY_MAX } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_method_of_the_proto_files_is_here() {
        let files = FileDescriptorSet::decode(hufu_proto::FILE_DESCRIPTOR_SET).unwrap();
        let services = files.file.iter().flat_map(|file| &file.service);
        let mut described: Vec<_> = services.flat_map(|s| s.method.iter().map(|m| m.name().to_owned())).collect();
        let mut ours: Vec<_> = Method::ALL.iter().map(|method| method.name().to_owned()).collect();
        described.sort();
        ours.sort();
        assert_eq!(ours, described);
    }

    #[test]
    fn indices_are_places() {
        for (place, method) in Method::ALL.iter().enumerate() {
            assert_eq!(method.index(), place);
        }
    }
}
