//! `hufu-hsm-worker`: serves one PKCS#11 token to the process that started it, over standard input.

fn main() -> std::process::ExitCode {
    hufu_worker::serve()
}
