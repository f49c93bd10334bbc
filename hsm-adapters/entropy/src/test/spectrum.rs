//! SP 800-22 §2.6, GM/T 0005 (discrete Fourier transform).

use std::f64::consts::PI;

use crate::bits::Bits;
use crate::special::erfc;

/// Periodic features: peaks of the spectrum. Fast where the length is a power of two times a small number.
#[must_use]
pub fn spectrum(bits: &Bits) -> f64 {
    if bits.len() < 2 {
        return 0.0;
    }
    let len = bits.len() as f64;
    let values: Vec<Complex> = bits.as_slice().iter().map(|bit| (2.0 * f64::from(*bit) - 1.0, 0.0)).collect();
    let threshold = (len * 20_f64.ln()).sqrt();
    let below = transform(&values).iter().take(bits.len() / 2).filter(|(re, im)| re.hypot(*im) < threshold).count();
    let expected = 0.95 * len / 2.0;
    let difference = (below as f64 - expected) / (len * 0.95 * 0.05 / 4.0).sqrt();
    erfc(difference.abs() / std::f64::consts::SQRT_2)
}

type Complex = (f64, f64);

/// Halves even lengths (Cooley and Tukey), sums up odd ones.
fn transform(values: &[Complex]) -> Vec<Complex> {
    if values.len() <= 1 {
        return values.to_vec();
    }
    if !values.len().is_multiple_of(2) {
        return (0..values.len()).map(|at| coefficient(values, at)).collect();
    }
    let even: Vec<Complex> = values.iter().step_by(2).copied().collect();
    let odd: Vec<Complex> = values.iter().skip(1).step_by(2).copied().collect();
    let (even, odd) = (transform(&even), transform(&odd));
    let turned: Vec<Complex> = odd.iter().enumerate().map(|(at, value)| turn(*value, at, values.len())).collect();
    let sums = even.iter().zip(&turned).map(|(a, b)| (a.0 + b.0, a.1 + b.1));
    let differences = even.iter().zip(&turned).map(|(a, b)| (a.0 - b.0, a.1 - b.1));
    sums.chain(differences).collect()
}

fn coefficient(values: &[Complex], at: usize) -> Complex {
    let turned =
        values.iter().enumerate().map(|(index, value)| turn(*value, index * at % values.len(), values.len()));
    turned.fold((0.0, 0.0), |sum, value| (sum.0 + value.0, sum.1 + value.1))
}

fn turn((re, im): Complex, at: usize, len: usize) -> Complex {
    let (sin, cos) = (-2.0 * PI * at as f64 / len as f64).sin_cos();
    (re * cos - im * sin, re * sin + im * cos)
}
