//! Material on its way to a backend.

use hufu_core::ambient::Rng;
use hufu_secret::SecretBytes;
use hufu_shares::Curve;
use hufu_transport::{KEK_LEN, Pair, Receiver};

use crate::{Hash, Refused, WrapTo};

/// Length in bytes of a point that is not compressed: the end of a SubjectPublicKeyInfo of P-256 and SM2.
const POINT_LEN: usize = 65;

/// Wraps material under a backend's import key.
pub(super) fn wrap(to: &WrapTo, material: &SecretBytes, rng: &dyn Rng) -> Result<Vec<u8>, Refused> {
    let mut fresh = SecretBytes::zeroed(KEK_LEN);
    rng.fill(fresh.expose_mut()).map_err(|error| Refused::Failed(error.to_string()))?;
    let hash = match to.hash {
        Hash::Sha256 => hufu_transport::Hash::Sha256,
        Hash::Sha1 => hufu_transport::Hash::Sha1,
    };
    Receiver::parse(&to.spki).and_then(|receiver| receiver.seal(hash, &fresh, material)).map_err(failed)
}

/// PKCS #8 of a scalar that was shared by itself.
pub(super) fn of_scalar(
    curve: Curve,
    scalar: &SecretBytes,
    public_key: Option<&[u8]>,
) -> Result<SecretBytes, Refused> {
    let point = public_key.and_then(|spki| spki.len().checked_sub(POINT_LEN).and_then(|at| spki.get(at..)));
    hufu_transport::to_pkcs8(Pair::Ec(travelling(curve)), scalar, point).map_err(failed)
}

/// The same curve, as keys travel.
pub(super) fn travelling(curve: Curve) -> hufu_transport::Curve {
    match curve {
        Curve::P256 => hufu_transport::Curve::P256,
        Curve::Sm2 => hufu_transport::Curve::Sm2,
    }
}

fn failed(error: hufu_transport::Error) -> Refused {
    Refused::Failed(error.to_string())
}
