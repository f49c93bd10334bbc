//! Rows that follow from the form of a request, field by field, as the descriptors tell it.

use hufu_softhsm_tests::Body;
use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use super::Row;
use super::base::Base;

/// Longest request that is looked at.
const REQUEST_LEN_MAX: usize = 4 << 20;
/// Number of a field that no message has.
const UNKNOWN_FIELD: u32 = 1_000;

/// Services whose requests carry what custodians signed: good ones need people, and are in a test of their own.
pub(crate) const ELSEWHERE: [(&str, &str); 4] = [
    ("CeremonyService", "tests/ceremonies.rs"),
    ("HolderService", "tests/holders.rs"),
    ("ShareService", "tests/deposits.rs"),
    ("DepositService", "tests/deposits.rs"),
];

/// An RPC and the fields of its request.
pub(crate) struct Method {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) fields: Vec<Field>,
}

/// A field of a request, or of the key in it.
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) at: Vec<u32>,
    kind: Type,
    message: String,
}

impl Method {
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// Every RPC of every service that is not [`ELSEWHERE`].
pub(crate) fn methods() -> Vec<Method> {
    let set = FileDescriptorSet::decode(hufu_proto::FILE_DESCRIPTOR_SET).unwrap();
    let mut methods = Vec::new();
    for file in &set.file {
        for service in &file.service {
            if ELSEWHERE.iter().any(|(name, _)| *name == service.name()) {
                continue;
            }
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                let fields = fields(&set, method.name(), method.input_type());
                methods.push(Method { name: method.name().to_owned(), path, fields });
            }
        }
    }
    methods
}

fn fields(set: &FileDescriptorSet, method: &str, input: &str) -> Vec<Field> {
    let mut fields: Vec<Field> = message(set, input).field.iter().map(|field| Field::new(&[], field)).collect();
    // Of the key in a creation every field counts that is not output only.
    if method == "CreateKey" {
        let given = ["algorithm", "scheme", "purpose", "protection", "description", "sm2_distinguishing_id"];
        let key = message(set, ".hufu.v1.Key");
        fields.extend(key.field.iter().filter(|field| given.contains(&field.name())).map(|f| Field::new(&[3], f)));
    }
    fields
}

fn message<'a>(set: &'a FileDescriptorSet, name: &str) -> &'a DescriptorProto {
    let simple = name.rsplit('.').next().unwrap();
    let ours = set.file.iter().filter(|file| name.starts_with(&format!(".{}.", file.package())));
    ours.flat_map(|file| &file.message_type).find(|message| message.name() == simple).unwrap()
}

impl Field {
    fn new(outer: &[u32], field: &FieldDescriptorProto) -> Self {
        let number = u32::try_from(field.number()).unwrap();
        Self {
            name: field.name().to_owned(),
            at: [outer, &[number]].concat(),
            kind: field.r#type(),
            message: field.type_name().to_owned(),
        }
    }
}

pub(crate) fn rows(method: &Method, base: &Base) -> Vec<Row> {
    let mut rows = malformed(base);
    for field in &method.fields {
        rows.extend(wrong_type(base, field));
        rows.extend(match field.kind {
            Type::String => text(base, field),
            Type::Enum => unknown_numbers(base, field),
            Type::Int32 => negative(base, field),
            Type::Message => times(base, field),
            _ => Vec::new(),
        });
    }
    // A signature asks for no id, but may have one.
    rows.retain(|row| method.name != "Sign" || row.what != "request_id that is missing");
    rows
}

/// What is no message at all, and what is too long for one.
fn malformed(base: &Base) -> Vec<Row> {
    let junk = |bytes: &[u8]| [base.body.as_slice(), bytes].concat();
    vec![
        Row::new("a tag that never ends", junk(&[0xff; 11]), "INVALID_ARGUMENT"),
        Row::new("field number zero", junk(&[0x00, 0x01]), "INVALID_ARGUMENT"),
        Row::new("an unknown wire type", junk(&[0x0f]), "INVALID_ARGUMENT"),
        Row::new("a length beyond the end", junk(&[0x0a, 0x7f, b'x']), "INVALID_ARGUMENT"),
        Row::new(
            "a length of 2^63",
            junk(&[0xc2, 0x3e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            "INVALID_ARGUMENT",
        ),
        Row::new(
            "more than 4 MiB",
            Body::default().junk(&base.body).bytes(UNKNOWN_FIELD, &vec![0; REQUEST_LEN_MAX]).finish(),
            "TOO_LARGE",
        ),
    ]
}

/// A number where text should be, and the other way round.
fn wrong_type(base: &Base, field: &Field) -> Vec<Row> {
    let what = format!("{} of a wrong type", field.name);
    let body = match field.kind {
        Type::String | Type::Bytes | Type::Message => base.with_number(&field.at, 1),
        Type::Bool | Type::Enum | Type::Int32 | Type::Uint32 | Type::Uint64 => base.with_bytes(&field.at, b"xyz"),
        other => panic!("`{}`: fields of type {other:?} have no rows yet", field.name),
    };
    vec![Row::new(what, body, "INVALID_ARGUMENT")]
}

fn text(base: &Base, field: &Field) -> Vec<Row> {
    let row = |what: &str, value: &[u8], reason| {
        Row::new(format!("{} {what}", field.name), base.with_bytes(&field.at, value), reason)
    };
    let mut rows = vec![
        row("that is no UTF-8", &[0xff, 0xfe], "INVALID_ARGUMENT"),
        row("of a million bytes", &vec![b'a'; 1_000_000], oversized(&field.name)),
    ];
    match field.name.as_str() {
        "request_id" => {
            rows.push(row("that is missing", b"", "MISSING_FIELD"));
            let others: [&[u8]; 6] = [
                b"1",
                b"0190b6a07c3e700080000123456789ab",
                b"0190b6a0-7c3e-7000-8000-0123456789abc",
                b"0190b6a0-7c3e-7000-8000-0123456789ag",
                b"{0190b6a0-7c3e-7000-8000-0123456789ab}",
                "\u{661}190b6a0-7c3e-7000-8000-0123456789a".as_bytes(),
            ];
            rows.extend(others.iter().map(|id| row("that is no UUID", id, "INVALID_ARGUMENT")));
        }
        "etag" => {
            let malformed: [&[u8]; 7] =
                [b"1", b"\"", b"\"0\"", b"\"01\"", b"\"-1\"", b"W/\"1\"", b"\"99999999999999999999\""];
            rows.extend(malformed.iter().map(|etag| row("that was never given", etag, "INVALID_ARGUMENT")));
            rows.push(row("that is stale", b"\"999999\"", "ETAG_MISMATCH"));
        }
        "page_token" => {
            for token in ["x y", "../..", "\u{0}", "' OR 1=1 --"] {
                rows.push(row("of another list", token.as_bytes(), "PAGE_TOKEN_INVALID"));
            }
            rows.push(row("of 513 bytes", &[b'a'; 513], "PAGE_TOKEN_INVALID"));
        }
        "key_id" | "job_id" => {
            rows.push(row("that is missing", b"", "MISSING_FIELD"));
            for id in ["A", "1a", "-a", "a-", "a_b", "a/b", "..", "é", "a\n", &"a".repeat(64)] {
                rows.push(row("of a wrong form", id.as_bytes(), "INVALID_NAME"));
            }
        }
        "key" | "principal" => rows.push(row("of a wrong form", b"../k", "INVALID_NAME")),
        "operation" => rows.push(row("that nobody knows", b"sign", "INVALID_ARGUMENT")),
        _ => {}
    }
    rows
}

/// The reason for text that is longer than any that the field could have.
fn oversized(field: &str) -> &'static str {
    match field {
        "name" | "parent" | "key_id" | "job_id" | "key" | "principal" | "wrapping_key" => "INVALID_NAME",
        "request_id" | "etag" | "operation" => "INVALID_ARGUMENT",
        "page_token" => "PAGE_TOKEN_INVALID",
        "writer" | "description" => "TOO_LARGE",
        // The key of the valid request is none of SM2.
        "sm2_distinguishing_id" => "UNSUPPORTED_ALGORITHM",
        other => panic!("say which reason an oversized `{other}` has"),
    }
}

fn unknown_numbers(base: &Base, field: &Field) -> Vec<Row> {
    let row = |number: i64| {
        let what = format!("{} with the unknown value {number}", field.name);
        Row::new(what, base.with_number(&field.at, number), "INVALID_ARGUMENT")
    };
    [99, -1, i64::from(i32::MAX), i64::from(i32::MIN)].map(row).into()
}

fn negative(base: &Base, field: &Field) -> Vec<Row> {
    let row = |number: i64| {
        Row::new(format!("{} of {number}", field.name), base.with_number(&field.at, number), "INVALID_ARGUMENT")
    };
    [-1, i64::from(i32::MIN)].map(row).into()
}

/// Times and durations that are none.
fn times(base: &Base, field: &Field) -> Vec<Row> {
    if !matches!(field.message.as_str(), ".google.protobuf.Timestamp" | ".google.protobuf.Duration") {
        return Vec::new();
    }
    let row = |part: u32, number: i64| {
        let what = format!("{}: part {part} of {number}", field.name);
        Row::new(what, base.with_number(&[field.at.as_slice(), &[part]].concat(), number), "INVALID_ARGUMENT")
    };
    vec![row(1, -1), row(1, i64::MIN), row(1, i64::MAX), row(2, -1), row(2, 1_000_000_000)]
}
