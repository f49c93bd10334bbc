//! What comes over the socket between service and worker is read without panic, and no frame is longer than what came.
#![no_main]

use hufu_worker::wire::{FrameReader, FromWorker, ToWorker};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = (ToWorker::decode(bytes), FromWorker::decode(bytes));
    let mut reader = FrameReader::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = reader.space();
        let len = rest.len().min(space.len());
        space[..len].copy_from_slice(&rest[..len]);
        reader.filled(len);
        rest = &rest[len..];
        while let Ok(Some(frame)) = reader.next_frame() {
            assert!(frame.len() < bytes.len());
            let _ = (ToWorker::decode(frame), FromWorker::decode(frame));
        }
    }
});
