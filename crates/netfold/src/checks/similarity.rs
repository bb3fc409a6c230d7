//! How alike two maps are.

/// Spearman's rank correlation of two lists: Pearson's of their ranks, equals sharing the mean of theirs; 0 where one
/// list is constant.
///
/// # Panics
/// If the lists differ in length.
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "two lists of one length");
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    let size = (product(&a, &a) * product(&b, &b)).sqrt();
    if size > 0.0 { product(&a, &b) / size } else { 0.0 }
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    for run in order.chunk_by(|&a, &b| values[a].total_cmp(&values[b]).is_eq()) {
        // Where the run stands in the order is how many are below it.
        let first = order.partition_point(|&i| values[i].total_cmp(&values[run[0]]).is_lt());
        run.iter().for_each(|&i| ranks[i] = first as f64 + (run.len() as f64 - 1.0) / 2.0);
    }
    ranks
}

/// Structural similarity of two pictures of values between 0 and 1: the mean over all windows of 7 x 7 (or the picture,
/// if it is smaller) of (2 μₐ μ_b + c₁)(2 σₐ_b + c₂) / ((μₐ² + μ_b² + c₁)(σₐ² + σ_b² + c₂)), c₁ = 0.01², c₂ = 0.03², with
/// the unbiased covariance of a window, as scikit-image computes it by default.
///
/// Source: Wang et al., doi 10.1109/TIP.2003.819861.
///
/// # Panics
/// If the pictures do not have so many values.
pub fn ssim(a: &[f64], b: &[f64], [height, width]: [usize; 2]) -> f64 {
    assert!(a.len() == height * width && b.len() == a.len(), "two pictures of one size");
    let (rows, columns) = (height.min(7), width.min(7));
    let n = (rows * columns) as f64;
    let sums = |x: &[f64], y: &[f64]| {
        windows(&x.iter().zip(y).map(|(x, y)| x * y).collect::<Vec<_>>(), width, [rows, columns])
    };
    let means = |x: &[f64]| windows(x, width, [rows, columns]).into_iter().map(|sum| sum / n).collect::<Vec<_>>();
    let (ma, mb, aa, bb, ab) = (means(a), means(b), sums(a, a), sums(b, b), sums(a, b));
    let unbiased = (n - 1.0).max(1.0);
    let (c1, c2) = (0.01 * 0.01, 0.03 * 0.03);
    let at = |i: usize| {
        let (ma, mb) = (ma[i], mb[i]);
        let covariance = |sum: f64, product: f64| (sum - n * product) / unbiased;
        let (va, vb, vab) = (covariance(aa[i], ma * ma), covariance(bb[i], mb * mb), covariance(ab[i], ma * mb));
        (2.0 * ma * mb + c1) * (2.0 * vab + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
    };
    (0..ma.len()).map(at).sum::<f64>() / ma.len().max(1) as f64
}

/// The sum of every window.
fn windows(values: &[f64], width: usize, [rows, columns]: [usize; 2]) -> Vec<f64> {
    let lines: Vec<Vec<f64>> =
        values.chunks(width).map(|line| line.windows(columns).map(|window| window.iter().sum()).collect()).collect();
    let column = |lines: &[Vec<f64>], x: usize| lines.iter().map(|line| line[x]).sum();
    lines.windows(rows).flat_map(|lines| (0..lines[0].len()).map(move |x| column(lines, x))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} and {b}");
    }

    fn picture(step: usize) -> Vec<f64> {
        (0..90).map(|i| (i * step % 17) as f64 / 16.0).collect()
    }

    /// Against scipy.stats.spearmanr.
    #[test]
    fn ranks_with_equals() {
        near(spearman(&[1.0, 2.0, 2.0, 4.0, 5.0], &[2.0, 1.0, 4.0, 4.0, 9.0]), SPEARMAN[0]);
        near(spearman(&picture(5), &picture(7)), SPEARMAN[1]);
        near(spearman(&[1.0, 1.0], &[2.0, 3.0]), 0.0);
    }

    /// Against skimage.metrics.structural_similarity with a data range of 1.
    #[test]
    fn pictures_of_nine_by_ten() {
        near(ssim(&picture(5), &picture(5), [9, 10]), 1.0);
        near(ssim(&picture(5), &picture(7), [9, 10]), SSIM);
    }

    const SPEARMAN: [f64; 2] = [0.763_157_894_736_842_1, -0.141_438_837_036_425_2];
    const SSIM: f64 = -0.155_249_971_751_890_3;
}
