//! Rows of keys, versions, tenants, principals and wrapping keys.

use hufu_core::changeset::Collection;
use hufu_core::name::{KeyName, TenantId};
use hufu_core::record::{
    Deployment, Intent, IntentKind, KeyRecord, KeyState, Locator, PrincipalRecord, Role, Tenant, VersionRecord,
    WrappingKeyRecord, WrappingKeyUse,
};

use crate::scene::Scene;
use crate::{Answer, Case, case};

pub(crate) const CASES: &[Case] = &[
    case("a revoked version is active again", revive, Answer::Quarantined("doomed")),
    case("the version row from before the revocation", older_version, Answer::Quarantined("doomed")),
    case("the same, and the leaf of the revocation is gone", older_version_and_leaf, Answer::Quarantined("doomed")),
    case("the same, and nothing tells whose leaf it was", older_version_and_place, Answer::Quarantined("doomed")),
    case("a key is moved to another tenant", move_key, Answer::Alarm("quarantine", "rival")),
    case("a version names another object of the token", other_object, Answer::Quarantined("twin")),
    case("a version has another's wrapped material", other_blob, Answer::Quarantined("soft-a")),
    case("one bit of wrapped material", flip_version, Answer::Quarantined("soft-a")),
    case("two versions exchange everything but their names", exchange, Answer::Quarantined("soft-a")),
    case("a signing key becomes one for digests", allow_digests, Answer::Quarantined("good")),
    case("a destruction nobody asked for", forge_destruction, Answer::Alarm("quarantine", "good")),
    case("an intent for the object of a living key", forge_intent, Answer::Alarm("quarantine", "intent")),
    case("an auditor becomes administrator", promote, Answer::NotStarted("principal row")),
    case("a principal is moved to another tenant", move_principal, Answer::NotStarted("principal row")),
    case("a tenant uses another's wrapping key", other_wrapping_key, Answer::NotStarted("tenants/dev")),
    case("a wrapping key's row", flip_wrapping_key, Answer::Refused("soft-a", "BACKEND_UNAVAILABLE")),
    case("the integrity key's row", flip_integrity_key, Answer::NotStarted("the root token")),
    case("the deployment's row", flip_deployment, Answer::NotStarted("deployment")),
    case("the deployment's row is gone", lose_deployment, Answer::NotStarted("deployment row is missing")),
];

fn revive(scene: &Scene) {
    scene.database().forge(&scene.version_row("doomed"), |version: &mut VersionRecord| {
        version.state = KeyState::Active;
        version.revocation = None;
    });
}

fn row(collection: Collection, id: &str) -> String {
    format!("collection = {} AND id = '{id}'", collection.code())
}

fn older_version(scene: &Scene) {
    scene.database().roll_back(
        &scene.saved("early"),
        "record",
        &row(Collection::Version, &scene.version_row("doomed")),
    );
}

fn older_version_and_leaf(scene: &Scene) {
    let id = newest_leaf(scene);
    older_version(scene);
    scene.database().change(1, &format!("DELETE FROM record WHERE {}", row(Collection::Leaf, &id)));
}

fn older_version_and_place(scene: &Scene) {
    let id = newest_leaf(scene);
    older_version_and_leaf(scene);
    // Of the two indices, one names the leaf in its id, the other in its body.
    let naming =
        format!("id = 'by-leaf/{id}' OR (id NOT LIKE 'by-leaf/%' AND instr(body, CAST('{id}' AS BLOB)) > 0)");
    let index = Collection::LeafIndex.code();
    scene.database().change(2, &format!("DELETE FROM record WHERE collection = {index} AND ({naming})"));
}

/// Row id of the leaf of the revocation.
fn newest_leaf(scene: &Scene) -> String {
    let scope = hex::encode(scene.version("doomed").ledger_id);
    let of_key = format!("collection = {} AND scope = '{scope}'", Collection::Leaf.code());
    scene.database().sql(&format!("SELECT max(id) FROM record WHERE {of_key}")).remove(0)
}

fn move_key(scene: &Scene) {
    let rival = TenantId::parse("rival").unwrap();
    let version = scene.version("soft-a");
    let key: KeyName = version.name().key;
    scene.database().forge(&key.to_string(), |key: &mut KeyRecord| key.tenant = rival.clone());
    scene.database().forge(&version.name().row_id(), |version: &mut VersionRecord| version.tenant = rival);
}

fn other_object(scene: &Scene) {
    let good = scene.version("good");
    scene.database().forge(&scene.version_row("twin"), |version: &mut VersionRecord| {
        version.uid = good.uid;
        version.locator = good.locator.clone();
    });
}

fn other_blob(scene: &Scene) {
    let other = scene.version("soft-b").locator;
    assert!(matches!(other, Locator::Wrapped { .. }));
    scene.database().forge(&scene.version_row("soft-a"), |version: &mut VersionRecord| version.locator = other);
}

fn flip_version(scene: &Scene) {
    scene.database().flip("record", "body", &row(Collection::Version, &scene.version_row("soft-a")));
}

fn exchange(scene: &Scene) {
    let (a, b) = (scene.version_row("soft-a"), scene.version_row("soft-b"));
    let code = Collection::Version.code();
    for (from, to) in [(a.as_str(), "aside"), (b.as_str(), a.as_str()), ("aside", b.as_str())] {
        scene
            .database()
            .change(1, &format!("UPDATE record SET id = '{to}' WHERE collection = {code} AND id = '{from}'"));
    }
    let scope = |key: &str| format!("'{}'", scene_key(key));
    for (id, key) in [(&a, "soft-a"), (&b, "soft-b")] {
        let sql = format!("UPDATE record SET scope = {} WHERE {}", scope(key), row(Collection::Version, id));
        scene.database().change(1, &sql);
    }
}

fn scene_key(key: &str) -> String {
    format!("tenants/dev/keys/{key}")
}

fn allow_digests(scene: &Scene) {
    scene.database().forge(&scene.version_row("good"), |version: &mut VersionRecord| version.digest_allowed = true);
}

fn forge_destruction(scene: &Scene) {
    scene.database().forge(&scene.version_row("good"), |version: &mut VersionRecord| {
        version.state = KeyState::Deactivated;
        version.destroy_at = Some(1);
    });
}

fn forge_intent(scene: &Scene) {
    let good = scene.version("good");
    scene.database().insert(&Intent {
        kind: IntentKind::Generate,
        uid: good.uid,
        tenant: good.tenant,
        key: good.key,
        number: good.number,
        algorithm: good.algorithm,
        protection: good.protection,
        expires_at: 1,
        writer: "nobody".to_owned(),
    });
}

fn principal(scene: &Scene, name: &str) -> String {
    let principals = scene.database().records::<PrincipalRecord>();
    let found = principals.into_iter().find(|principal| principal.id.as_str() == name).unwrap();
    PrincipalRecord::row_id(&found.pin)
}

fn promote(scene: &Scene) {
    scene
        .database()
        .forge(&principal(scene, "auditor"), |principal: &mut PrincipalRecord| principal.role = Role::Admin);
}

fn move_principal(scene: &Scene) {
    let dev = TenantId::parse("dev").unwrap();
    scene.database().forge(&principal(scene, "operator"), |principal: &mut PrincipalRecord| principal.tenant = dev);
}

fn other_wrapping_key(scene: &Scene) {
    let tenants = scene.database().records::<Tenant>();
    let rival = tenants.iter().find(|tenant| tenant.id.as_str() == "rival").unwrap().material_key;
    scene.database().forge("dev", |tenant: &mut Tenant| tenant.material_key = rival);
}

fn wrapping_key(scene: &Scene, usage: WrappingKeyUse, tenant: &str) -> String {
    let keys = scene.database().records::<WrappingKeyRecord>();
    keys.into_iter().find(|key| key.usage == usage && key.tenant == tenant).unwrap().id.to_string()
}

fn flip_wrapping_key(scene: &Scene) {
    let id = wrapping_key(scene, WrappingKeyUse::KeyMaterial, "dev");
    scene.database().flip("record", "body", &row(Collection::WrappingKey, &id));
}

fn flip_integrity_key(scene: &Scene) {
    let id = wrapping_key(scene, WrappingKeyUse::RowIntegrity, "");
    scene.database().forge(&id, |key: &mut WrappingKeyRecord| {
        if let Some(last) = key.wrapped.last_mut() {
            *last ^= 1;
        }
    });
}

fn flip_deployment(scene: &Scene) {
    scene.database().forge(Deployment::ID, |deployment: &mut Deployment| deployment.log_origin.push('x'));
}

fn lose_deployment(scene: &Scene) {
    scene.database().change(1, &format!("DELETE FROM record WHERE {}", row(Collection::Meta, Deployment::ID)));
}
