//! That multiplying, inverting, splitting and combining take the same way whatever the secret: the same instructions in the same order
//! at the same addresses, and the same addresses of data.
//!
//! valgrind's `lackey` writes down both while it runs this program again, as a child that reads a secret and works on
//! it. Two runs must leave the same trace, to the byte. That is more than a count, and unlike a measurement of time it
//! depends neither on the machine's load nor on luck; it is of the code as the compiler made it (this crate is compiled with the release's
//! level of optimisation in tests too). Where there is no valgrind, it says so. Two wrong multiplications, by a table and by a branch, show that
//! it would find them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may fail by panicking and says what it skips"
)]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::hint::black_box;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

use hufu_secret::{Rng, RngError, SecretBytes};
use hufu_shares::{gf256, shamir};

/// Bytes that a child reads: a secret of [`SECRET_LEN`], the rest for the coefficients.
const INPUT_LEN: usize = 16;
const SECRET_LEN: usize = 6;

const SOUND: [&str; 5] = ["nothing", "mul", "inv", "split", "combine"];
const UNSOUND: [&str; 2] = ["table", "branch"];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|first| first == "child") {
        return child(&arguments[2]);
    }
    if !runs("valgrind") {
        println!("skipped: no valgrind, so no trace of what the compiled code does with secrets");
        return;
    }
    for work in SOUND {
        let traces = inputs().map(|input| trace(work, input));
        assert!(
            traces.iter().all(|trace| *trace == traces[0]),
            "`{work}` does not take the same way for all secrets"
        );
        println!("{work}: {} steps, the same for {} inputs", traces[0].0, traces.len());
    }
    for work in UNSOUND {
        let traces = inputs().map(|input| trace(work, input));
        assert!(traces.iter().any(|trace| *trace != traces[0]), "`{work}` was not found out");
        println!("{work}: found out, as it must be");
    }
}

fn runs(program: &str) -> bool {
    let status = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// All bits clear, all set, and what is between.
fn inputs() -> [[u8; INPUT_LEN]; 5] {
    let mut drawn = [0; INPUT_LEN];
    getrandom::fill(&mut drawn).unwrap();
    let mut counted = [0; INPUT_LEN];
    (1..).zip(&mut counted).for_each(|(value, byte)| *byte = value);
    [[0; INPUT_LEN], [0xff; INPUT_LEN], counted, [0x80; INPUT_LEN], drawn]
}

/// How many instructions and accesses a child has made from its mark on, and a hash of all of them. What comes before, the
/// loader's part among it, depends on random bytes of the kernel.
fn trace(work: &str, input: [u8; INPUT_LEN]) -> (u64, u64) {
    let mut child = Command::new("valgrind")
        .args(["--tool=lackey", "--trace-mem=yes", "--log-fd=2"])
        .arg(std::env::current_exe().unwrap())
        .args(["child", work])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the child failed");
    let mark = format!(" S {},1", String::from_utf8(output.stdout).unwrap().trim());
    // Lines of a trace begin with the kind of access; others with `==` and the process's number.
    let lines =
        output.stderr.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"I ") || line.starts_with(b" "));
    let (mut steps, mut hasher) = (0, DefaultHasher::new());
    for line in lines.skip_while(|line| *line != mark.as_bytes()) {
        line.hash(&mut hasher);
        steps += 1;
    }
    assert!(steps > 0, "the child left no mark");
    (steps, hasher.finish())
}

/// Written once, before the work begins.
static MARK: AtomicU8 = AtomicU8::new(0);

fn child(work: &str) {
    let mut input = [0; INPUT_LEN];
    std::io::stdin().read_exact(&mut input).unwrap();
    println!("{:08x}", (&raw const MARK).addr());
    black_box(&MARK).store(1, Ordering::Relaxed);
    let (secret, rest) = input.split_at(SECRET_LEN);
    match work {
        "nothing" => {}
        "mul" => each(&input, gf256::mul),
        "inv" => each(&input, |a, _| gf256::inv(a)),
        "split" => drop(black_box(split(secret, rest))),
        "combine" => combine(&input),
        "table" => each(&input, by_table),
        "branch" => each(&input, by_branch),
        other => unreachable!("no work is called {other}"),
    }
}

fn each(input: &[u8], multiply: impl Fn(u8, u8) -> u8) {
    for pair in input.chunks_exact(2) {
        black_box(multiply(black_box(pair[0]), black_box(pair[1])));
    }
}

fn split(secret: &[u8], coefficients: &[u8]) -> Vec<SecretBytes> {
    let rng = Fixed(coefficients.to_vec());
    shamir::split(&SecretBytes::from_slice(black_box(secret)), 3, 5, &rng).unwrap()
}

fn combine(input: &[u8]) {
    let shares: Vec<SecretBytes> =
        input.chunks_exact(5).map(|bytes| SecretBytes::from_slice(black_box(bytes))).collect();
    let shares: Vec<(u8, &SecretBytes)> = (2..).zip(&shares).collect();
    drop(black_box(shamir::combine(&shares).unwrap()));
}

/// The child's input again and again.
struct Fixed(Vec<u8>);

impl Rng for Fixed {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        buffer.iter_mut().zip(self.0.iter().cycle()).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}

/// What must not be: the cache learns which line was read.
fn by_table(a: u8, b: u8) -> u8 {
    static SQUARES: [u8; 256] = [3; 256];
    black_box(&SQUARES)[usize::from(a)] ^ b
}

/// What must not be: the product's way depends on a bit. (The box in the branch keeps the compiler from making it a conditional move.)
fn by_branch(a: u8, b: u8) -> u8 {
    (0..8).fold(0, |sum, bit| if (a >> bit) & 1 == 1 { black_box(gf256::mul(sum, b)) } else { sum })
}
