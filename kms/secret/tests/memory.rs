//! What the kernel says about the memory of secrets.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where it fails")]

use hufu_secret::SecretBytes;

/// The mapping in smaps that holds an address: its `VmFlags` and its `Locked` size in kilobytes.
fn mapping_of(address: usize) -> (String, u64) {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut inside = false;
    let mut locked = 0;
    for line in smaps.lines() {
        let range = line.split(' ').next().and_then(|r| r.split_once('-'));
        if let Some((start, end)) = range
            && let (Ok(start), Ok(end)) = (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16))
        {
            inside = (start..end).contains(&address);
        }
        if inside && let Some(size) = line.strip_prefix("Locked:") {
            locked = size.trim().trim_end_matches(" kB").parse().unwrap();
        }
        if inside && let Some(flags) = line.strip_prefix("VmFlags:") {
            return (flags.to_owned(), locked);
        }
    }
    panic!("address is not mapped");
}

#[test]
fn memory_is_locked_and_stays_out_of_dumps_and_children() {
    for len in [1, 32, 256, 257, 5000] {
        let secret = SecretBytes::from_slice(&vec![0xa5; len]);
        let (flags, locked) = mapping_of(secret.expose().as_ptr() as usize);
        assert!(flags.contains(" dd "), "dontdump: {flags}");
        assert!(flags.contains(" wf "), "wipeonfork: {flags}");
        if secret.is_locked() {
            assert!(flags.contains(" lo "), "locked: {flags}");
            assert!(locked > 0);
        } else {
            println!("skipped: memory is not locked here (RLIMIT_MEMLOCK)");
        }
    }
}

#[test]
fn holds_what_it_was_given() {
    for len in [0usize, 1, 255, 256, 257, 4096, 4097, 70_000] {
        let bytes: Vec<u8> = (0..=250).cycle().take(len).collect();
        let mut secret = SecretBytes::from_slice(&bytes);
        assert_eq!(secret.expose(), bytes);
        assert_eq!((secret.len(), secret.is_empty()), (len, len == 0));
        assert_eq!(secret, SecretBytes::from_vec(bytes.clone()));
        secret.expose_mut().fill(7);
        assert_eq!(len == 0, secret == SecretBytes::from_slice(&bytes));
        secret.truncate(len / 2);
        assert_eq!(secret.expose(), vec![7; len / 2]);
        secret.truncate(len);
        assert_eq!(secret.len(), len / 2);
    }
}

#[test]
fn slots_come_back_zeroed_and_do_not_overlap() {
    let threads: Vec<_> = (0..8u8)
        .map(|n| {
            std::thread::spawn(move || {
                for _ in 0..200 {
                    let held: Vec<_> = (0..40).map(|i| SecretBytes::from_slice(&[n ^ i; 200])).collect();
                    assert_eq!(SecretBytes::zeroed(256).expose(), [0; 256]);
                    assert!(held.iter().zip(0..).all(|(s, i)| s.expose() == [n ^ i; 200]));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
}

#[test]
fn more_small_secrets_than_slots_still_work() {
    let held: Vec<_> = (0..5000u32).map(|n| SecretBytes::from_slice(&n.to_le_bytes())).collect();
    assert!(held.iter().zip(0u32..).all(|(s, n)| s.expose() == n.to_le_bytes()));
}

#[test]
fn debug_shows_nothing() {
    let secret = SecretBytes::from_slice(b"\x2a\x2b tiger");
    let shown = format!("{secret:?} {secret:#?}");
    assert_eq!(shown, "SecretBytes([redacted]) SecretBytes([redacted])");
}

#[test]
fn impossible_sizes_are_refused() {
    assert!(SecretBytes::try_zeroed(usize::MAX).is_err());
    assert!(SecretBytes::try_zeroed(usize::MAX / 2).is_err());
}
