//! The certificates of a CMS SignedData without signers (RFC 5652 §5.1), as `.p7b` files have it.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Header, Reader, SliceReader, Tag, TagNumber, Tagged};

use crate::input::CERTIFICATES_MAX;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");

/// `[0]` of ContentInfo and of SignedData's certificates.
const ZERO: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };

/// Whether the DER begins as a ContentInfo does, with an object identifier; certificates begin with a SEQUENCE.
pub(crate) fn is_content_info(der: &[u8]) -> bool {
    let first = || {
        let mut reader = SliceReader::new(der)?;
        Header::decode(&mut reader)?.tag().assert_eq(Tag::Sequence)?;
        Header::decode(&mut reader)
    };
    first().is_ok_and(|header: Header| header.tag() == Tag::ObjectIdentifier)
}

/// The certificates, in the order of the file: DER would sort them, vendors do not.
///
/// # Errors
/// What is not as it should be. Content and signers are refused, since nobody would look at them.
pub(crate) fn certificates(der: &[u8]) -> Result<Vec<&[u8]>, &'static str> {
    read(der).map_err(|_| "not a CMS SignedData of certificates alone")?.ok_or("more certificates than are read")
}

fn read(der: &[u8]) -> der::Result<Option<Vec<&[u8]>>> {
    let mut reader = SliceReader::new(der)?;
    let signed_data = reader.sequence(|reader| {
        expect_oid(reader, SIGNED_DATA)?;
        value(reader, ZERO)
    })?;
    reader.finish()?;
    let mut reader = SliceReader::new(signed_data)?;
    let certificates = reader.sequence(|reader| {
        value(reader, Tag::Integer)?;
        expect_empty(value(reader, Tag::Set)?)?;
        reader.sequence(|reader| expect_oid(reader, DATA))?;
        let certificates = value(reader, ZERO)?;
        expect_empty(value(reader, Tag::Set)?)?;
        Ok::<_, der::Error>(certificates)
    })?;
    reader.finish()?;
    split(certificates)
}

/// The elements, or nothing if they are too many.
fn split(elements: &[u8]) -> der::Result<Option<Vec<&[u8]>>> {
    let mut reader = SliceReader::new(elements)?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        if found.len() == CERTIFICATES_MAX {
            return Ok(None);
        }
        found.push(reader.tlv_bytes()?);
    }
    Ok(Some(found))
}

fn value<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> der::Result<&'a [u8]> {
    let any = AnyRef::decode(reader)?;
    any.tag().assert_eq(tag)?;
    Ok(any.value())
}

fn expect_oid(reader: &mut SliceReader<'_>, oid: ObjectIdentifier) -> der::Result<()> {
    if ObjectIdentifier::decode(reader)? == oid { Ok(()) } else { Err(Tag::ObjectIdentifier.value_error().into()) }
}

fn expect_empty(contents: &[u8]) -> der::Result<()> {
    if contents.is_empty() { Ok(()) } else { Err(Tag::Set.value_error().into()) }
}
