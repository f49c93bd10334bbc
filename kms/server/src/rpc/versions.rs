//! KeyService: the life of key versions.

use hufu_core::Error;
use hufu_engine::api::{Change, VersionChange};
use hufu_proto::v1;

use super::Call;
use crate::wire::enums::revocation;
use crate::wire::time::from_timestamp;
use crate::wire::version;

type Changed = Result<v1::KeyVersion, Error>;

pub(super) async fn activate(call: Call, request: v1::ActivateKeyVersionRequest) -> Changed {
    apply(call, version::change(&request.name, &request.etag, Change::Activate)?).await
}

pub(super) async fn suspend(call: Call, request: v1::SuspendKeyVersionRequest) -> Changed {
    apply(call, version::change(&request.name, &request.etag, Change::Suspend)?).await
}

pub(super) async fn resume(call: Call, request: v1::ResumeKeyVersionRequest) -> Changed {
    apply(call, version::change(&request.name, &request.etag, Change::Resume)?).await
}

pub(super) async fn revoke(call: Call, request: v1::RevokeKeyVersionRequest) -> Changed {
    let compromised_at = from_timestamp(request.compromise_time, "compromise_time")?;
    let change = revocation(request.reason, compromised_at)?;
    apply(call, version::change(&request.name, &request.etag, change)?).await
}

pub(super) async fn schedule_destroy(call: Call, request: v1::ScheduleDestroyKeyVersionRequest) -> Changed {
    let change = version::destroy_delay(request.delay)?;
    apply(call, version::change(&request.name, &request.etag, change)?).await
}

pub(super) async fn cancel_destroy(call: Call, request: v1::CancelDestroyKeyVersionRequest) -> Changed {
    apply(call, version::change(&request.name, &request.etag, Change::CancelDestroy)?).await
}

async fn apply(call: Call, change: VersionChange) -> Changed {
    let changed = call.engine.change_version(&call.caller, change).await?;
    Ok(version::detail(&changed))
}
