//! Speed of the masked loops: `cargo bench -p netfold-linear --bench masked`.
//!
//! For each geometry and width: computed 10⁹ multiplications and additions a second of one thread, counting only those
//! that the supports leave, and the same for whole tensors through matrix products.

use std::sync::Arc;
use std::time::Instant;

use netfold_linear::{Conv, LinearMap, Probes, Real, Support, Window, WindowAxis};

struct Case {
    name: &'static str,
    channels: usize,
    out: usize,
    size: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
}

const CASES: &[Case] = &[
    Case { name: "3x3", channels: 64, out: 64, size: 56, kernel: 3, stride: 1, groups: 1 },
    Case { name: "3x3 deep", channels: 256, out: 256, size: 14, kernel: 3, stride: 1, groups: 1 },
    Case { name: "1x1", channels: 96, out: 24, size: 56, kernel: 1, stride: 1, groups: 1 },
    Case { name: "1x1 wide", channels: 1024, out: 256, size: 14, kernel: 1, stride: 1, groups: 1 },
    Case { name: "7x7 first", channels: 3, out: 64, size: 112, kernel: 7, stride: 2, groups: 1 },
    Case { name: "depthwise", channels: 144, out: 144, size: 56, kernel: 3, stride: 1, groups: 144 },
];

fn noise(n: usize, seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed | 1;
    (0..n).map(move |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f64 / (1_u64 << 24) as f64
    })
}

fn support(shape: &[usize], share: f64, seed: u64) -> Support {
    if share >= 1.0 {
        return Support::full(shape);
    }
    let values: Vec<f64> = noise(shape.iter().product(), seed).collect();
    Support::of_values(shape, &values, |value| value < share)
}

/// Seconds that this thread computed: unlike the clock it does not run while others have the processor.
fn seconds() -> f64 {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    line.split_whitespace().next().and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0) * 1e-9
}

fn run<T: Real>(case: &Case, share: f64, width: usize) {
    let axis = |size| {
        let pad = case.kernel / 2;
        let output = (size + 2 * pad - case.kernel) / case.stride + 1;
        WindowAxis { input: size, kernel: case.kernel, stride: case.stride, dilation: 1, pad: pad as isize, output }
    };
    let window = Window { axes: vec![axis(case.size), axis(case.size)] };
    let count = case.out * (case.channels / case.groups) * window.taps();
    let weights: Vec<T> = noise(count, 3).map(|w| T::of(w - 0.5)).collect();
    let conv = Conv::new(1, case.channels, case.out, case.groups, &window, Arc::new(weights));
    let (from, to) =
        (support(conv.codomain(), share, 5), support(conv.domain(), if case.channels > 3 { share } else { 1.0 }, 7));
    let y = Probes::new(from.clone(), width, noise(from.count() * width, 9).map(T::of).collect());
    // Products that the supports leave: those of a convolution whose weights are all one, over the sets as numbers.
    let ones = Conv::new(1, case.channels, case.out, case.groups, &window, Arc::new(vec![1.0_f64; count]));
    let set = |support: &Support| Probes::new(support.clone(), 1, vec![1.0_f64; support.count()]);
    let products: f64 = ones.apply_transpose(set(&from), &to).values().iter().sum();
    let mut best = f64::INFINITY;
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < 1.0 || best.is_infinite() {
        let before = seconds();
        std::hint::black_box(conv.apply_transpose(y.clone(), &to));
        best = best.min(seconds() - before);
    }
    println!(
        "{:10} {} share {share:.1} width {width:3}: {:7.2} ms {:6.1} GFLOP/s",
        case.name,
        T::NAME,
        best * 1e3,
        2e-9 * products * width as f64 / best
    );
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().expect("a pool of one thread");
    let _reuse = (netfold_linear::Reuse::<f32>::start(), netfold_linear::Reuse::<f64>::start());
    for case in CASES.iter().filter(|case| wanted.is_empty() || wanted.iter().any(|word| word == case.name)) {
        for share in [0.5, 1.0] {
            for width in [16, 32, 48, 64] {
                run::<f32>(case, share, width);
            }
            for width in [8, 16, 32] {
                run::<f64>(case, share, width);
            }
        }
    }
}
