//! The register tile of the masked convolution: the sums of several channels at one place stay in registers while the
//! loop goes through everything that the place reads.

use super::{Job, MaskedConv, Step};
use crate::index::rows::Run;
use crate::simd::{Lanes, Simd, Vector};

/// All lanes of a run of rows. A tile has 8 channels at most: each has a pointer to its weights, and with more of them the
/// pointers would be read from memory again for every product. Of 16 registers three rows of sums leave four to what they
/// are made of; a fourth row would leave one, and compilers keep some of the sums in memory then.
///
/// # Safety
/// `to` is a run of stored rows of y that no other thread uses, `steps` are runs of rows of x.
#[inline(always)]
pub(crate) unsafe fn lanes<V: Vector>(simd: Simd<V>, job: &Job<'_, V::Lane>, to: Run, steps: &[Step<V::Lane>]) {
    let (mut lane, width) = (0, job.conv.width);
    while lane < width {
        // SAFETY: the caller's; `lane` and the lanes behind it are below the width.
        unsafe {
            lane += match (width - lane) / V::LANES {
                0 if width - lane >= V::Narrow::LANES => rows::<V::Narrow, 1, 8>(simd.narrow(), job, to, steps, lane),
                0 => rows::<<V::Lane as Lanes>::V1, 1, 4>(simd.one(), job, to, steps, lane),
                r if r >= 4 && V::REGISTERS >= 32 => rows::<V, 4, 6>(simd, job, to, steps, lane),
                r if r >= 3 && V::REGISTERS >= 32 => rows::<V, 3, 8>(simd, job, to, steps, lane),
                r if r >= 2 && V::REGISTERS >= 32 => rows::<V, 2, 8>(simd, job, to, steps, lane),
                r if r >= 3 => rows::<V, 3, 3>(simd, job, to, steps, lane),
                r if r >= 2 => rows::<V, 2, 6>(simd, job, to, steps, lane),
                _ => rows::<V, 1, 8>(simd, job, to, steps, lane),
            };
        }
    }
}

/// R registers of lanes of a run of rows, up to JMAX channels at a time. Returns how many lanes that are.
///
/// # Safety
/// `to` is a run of stored rows of y that no other thread uses, `steps` are runs of stored rows of x, R registers from
/// `lane` on lie below the width.
#[inline(always)]
unsafe fn rows<V: Vector, const R: usize, const JMAX: usize>(
    simd: Simd<V>,
    job: &Job<'_, V::Lane>,
    to: Run,
    steps: &[Step<V::Lane>],
    lane: usize,
) -> usize {
    let g = job.conv;
    let parts = to.count.div_ceil(JMAX);
    let mut done = 0;
    for part in 0..parts {
        // Parts of equal size: a last part with one or two channels would wait for its own sums.
        let count = to.count / parts + usize::from(part < to.count % parts);
        let channels = &job.channels[to.listed + done..][..count];
        let y = job.y.get().wrapping_add((to.first + done * to.step) * g.width + lane);
        macro_rules! tile {
            ($($j:literal)+) => {
                match count {
                    // SAFETY: `y` is lane `lane` of the first of `count` rows of the run.
                    $($j if $j <= JMAX => unsafe { tile::<V, R, $j>(simd, g, channels, steps, lane, y, to.step * g.width) },)+
                    _ => unreachable!("parts have at most JMAX channels"),
                }
            };
        }
        tile!(1 2 3 4 5 6 7 8);
        done += count;
    }
    R * V::LANES
}

/// R registers of J rows.
///
/// # Safety
/// As [`rows`]; `y` is where the first row's lanes lie, the next one's lie `stride` numbers further.
#[inline(always)]
unsafe fn tile<V: Vector, const R: usize, const J: usize>(
    simd: Simd<V>,
    g: &MaskedConv<'_, V::Lane>,
    channels: &[u32],
    steps: &[Step<V::Lane>],
    lane: usize,
    y: *mut V::Lane,
    stride: usize,
) {
    // SAFETY: rows of y as the caller says. `offsets` and `rows` have `count` entries. A step's tap and an offset sum up to
    // t · tap + d · from with d a channel of the group: with the base c · to that is at most the index whose bound
    // `MaskedConv::check` asserts.
    unsafe {
        let mut sums = [[simd.zero(); R]; J];
        let mut bases = [0; J];
        for j in 0..J {
            bases[j] = channels[j] as usize * g.weights.to;
            for r in 0..R {
                if g.add {
                    sums[j][r] = simd.load(y.wrapping_add(j * stride + r * V::LANES));
                }
            }
        }
        for step in steps {
            let mut weights = [g.weights.data.as_ptr(); J];
            for j in 0..J {
                weights[j] = weights[j].wrapping_add(bases[j].wrapping_add(step.tap));
            }
            let mut row = step.rows.wrapping_add(lane);
            for i in 0..step.count {
                let offset = *step.offsets.add(i) as usize;
                let mut x = [simd.zero(); R];
                for r in 0..R {
                    x[r] = simd.load(row.wrapping_add(r * V::LANES));
                }
                for j in 0..J {
                    let w = simd.splat(*weights[j].wrapping_add(offset));
                    for r in 0..R {
                        sums[j][r] = w.multiply_add(x[r], sums[j][r]);
                    }
                }
                row = row.wrapping_add(step.stride);
            }
        }
        for j in 0..J {
            for r in 0..R {
                sums[j][r].store(y.wrapping_add(j * stride + r * V::LANES));
            }
        }
    }
}
