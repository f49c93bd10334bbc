//! The `.proto` comments are the API's documentation: nothing may go without one.

use std::collections::HashSet;

use protox::prost_reflect::prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};

#[test]
fn everything_is_commented() {
    let files = protox::compile(
        ["audit", "crypto", "errors", "keys", "ledger", "resources", "system"].map(|f| format!("hufu/v1/{f}.proto")),
        ["."],
    )
    .unwrap();
    let bare: Vec<String> =
        files.file.iter().filter(|file| file.package() == "hufu.v1").flat_map(uncommented).collect();
    assert!(bare.is_empty(), "without a comment: {bare:#?}");
}

fn uncommented(file: &FileDescriptorProto) -> Vec<String> {
    let commented: HashSet<Vec<i32>> = file
        .source_code_info
        .iter()
        .flat_map(|info| &info.location)
        .filter(|location| !location.leading_comments().trim().is_empty())
        .map(|location| location.path.clone())
        .collect();
    paths(file)
        .into_iter()
        .filter(|(path, _)| !commented.contains(path))
        .map(|(_, name)| format!("{}: {name}", file.name()))
        .collect()
}

/// Each element of the file with its path, by the field numbers of `google.protobuf.FileDescriptorProto`.
fn paths(file: &FileDescriptorProto) -> Vec<(Vec<i32>, String)> {
    let mut all = Vec::new();
    for (i, message) in (0..).zip(&file.message_type) {
        message_paths(&[4, i], message, &mut all);
    }
    for (i, item) in (0..).zip(&file.enum_type) {
        enum_paths(&[5, i], item, &mut all);
    }
    for (i, service) in (0..).zip(&file.service) {
        all.push((vec![6, i], service.name().to_owned()));
        for (j, method) in (0..).zip(&service.method) {
            all.push((vec![6, i, 2, j], format!("{}.{}", service.name(), method.name())));
        }
    }
    all
}

fn message_paths(path: &[i32], message: &DescriptorProto, all: &mut Vec<(Vec<i32>, String)>) {
    all.push((path.to_vec(), message.name().to_owned()));
    for (i, field) in (0..).zip(&message.field) {
        all.push(([path, &[2, i]].concat(), format!("{}.{}", message.name(), field.name())));
    }
}

fn enum_paths(path: &[i32], item: &EnumDescriptorProto, all: &mut Vec<(Vec<i32>, String)>) {
    all.push((path.to_vec(), item.name().to_owned()));
    let prefix = screaming(item.name());
    for (i, value) in (0..).zip(&item.value) {
        all.push(([path, &[2, i]].concat(), value.name().to_owned()));
        assert!(value.name().starts_with(&prefix), "{} lacks {prefix}", value.name());
    }
    let first = item.value.first().map(|value| value.name().to_owned());
    assert_eq!(first, Some(format!("{prefix}UNSPECIFIED")));
}

/// `KeyState` becomes `KEY_STATE_`.
fn screaming(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.char_indices() {
        if i > 0 && c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out + "_"
}
