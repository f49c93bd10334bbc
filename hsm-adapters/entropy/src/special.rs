//! The gamma and error functions behind the probabilities.

/// ln Γ(x) for x > 0, by Stirling's series after moving x up.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut product) = (x, 1.0_f64);
    while x < 15.0 {
        product *= x;
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - product.ln()
}

/// The regularised upper incomplete gamma function Q(a, x), `igamc` of SP 800-22 §5.5.3. 1 for x ≤ 0.
pub(crate) fn igamc(a: f64, x: f64) -> f64 {
    if x.is_nan() || a.is_nan() || a <= 0.0 {
        return 0.0;
    }
    if x <= 0.0 {
        return 1.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    let q = if x < a + 1.0 { 1.0 - front * lower_series(a, x) } else { front * upper_fraction(a, x) };
    q.clamp(0.0, 1.0)
}

/// Enough for every a that the tests use (2^15): near x = a some √a steps are needed.
const STEPS_MAX: u32 = 100_000;
const PRECISION: f64 = 1e-15;

/// Σ xⁿ / (a (a+1) … (a+n)).
fn lower_series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut divisor) = (1.0 / a, 1.0 / a, a);
    for _ in 0..STEPS_MAX {
        divisor += 1.0;
        term *= x / divisor;
        sum += term;
        if term < sum * PRECISION {
            break;
        }
    }
    sum
}

/// Legendre's continued fraction, by the method of Lentz.
fn upper_fraction(a: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for step in 1..STEPS_MAX {
        let step = f64::from(step);
        let numerator = -step * (step - a);
        b += 2.0;
        d = 1.0 / away_from_zero(numerator * d + b, TINY);
        c = away_from_zero(b + numerator / c, TINY);
        let factor = c * d;
        fraction *= factor;
        if (factor - 1.0).abs() < PRECISION {
            break;
        }
    }
    fraction
}

fn away_from_zero(x: f64, tiny: f64) -> f64 {
    if x.abs() < tiny { tiny } else { x }
}

/// The complementary error function.
pub(crate) fn erfc(x: f64) -> f64 {
    let tail = igamc(0.5, x * x);
    if x < 0.0 { 2.0 - tail } else { tail }
}

/// The standard normal distribution function.
pub(crate) fn normal(x: f64) -> f64 {
    erfc(-x / std::f64::consts::SQRT_2) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-10 * expected.abs().max(1.0), "{found} for {expected}");
    }

    #[test]
    fn known_values() {
        close(ln_gamma(1.0), 0.0);
        close(ln_gamma(0.5), std::f64::consts::PI.sqrt().ln());
        close(ln_gamma(11.0), 3_628_800_f64.ln());
        close(erfc(0.0), 1.0);
        close(erfc(1.0), 0.157_299_207_050_285_13);
        close(erfc(-1.0), 1.842_700_792_949_715);
        close(erfc(3.0), 2.209_049_699_858_544e-5);
        close(igamc(1.0, 2.0), (-2.0_f64).exp());
        close(igamc(3.0, 2.0), 5.0 * (-2.0_f64).exp());
        close(normal(1.0), 0.841_344_746_068_542_9);
    }

    #[test]
    fn a_chi_square_of_many_degrees_is_centred() {
        assert!((igamc(16_384.0, 16_384.0) - 0.499).abs() < 2e-3);
        close(igamc(16_384.0, 0.0), 1.0);
        assert!(igamc(4.0, f64::NAN).abs() < f64::EPSILON);
    }
}
