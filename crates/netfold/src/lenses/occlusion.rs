//! `occlusion`: what the logit loses when a window is covered.

use super::subject::{Attribution, Subject};
use crate::error::Error;
use crate::ops::Precision;
use crate::value::Tensor;

/// f(x) − f(x with a window of x₀), all channels at once, averaged over the windows that a place lies in.
///
/// Windows stand half their side apart along each axis, the last ones cut at the edge. The values are whole differences,
/// not shares: windows that overlap or act together count twice, and the residual says so.
pub(super) fn look<T: Precision>(_: &'static str, subject: &Subject<'_, T>) -> Result<Attribution, Error> {
    let (x, x0, grid, logit) = (subject.x()?, subject.reference()?, subject.grid()?, subject.logit()?);
    let longest = grid.places.iter().copied().max().unwrap_or(1);
    let side = subject.settings.window.unwrap_or(longest.div_ceil(8)).max(1);
    let (mut sums, mut counts) = (vec![0.0; grid.len()], vec![0.0_f64; grid.len()]);
    for corner in corners(&grid.places, side) {
        let inside: Vec<bool> = (0..grid.len()).map(|place| covers(&grid.places, &corner, side, place)).collect();
        let covered = |element: usize| inside[grid.place(element)];
        let pixel = |e: usize| if covered(e) { x0.data()[e] } else { x.data()[e] };
        let occluded = Tensor::new(x.shape(), (0..x.len()).map(pixel).collect());
        let loss = logit - subject.trace.at(&occluded)?.logits()?.data()[subject.class].wide();
        for place in (0..grid.len()).filter(|&place| inside[place]) {
            sums[place] += loss;
            counts[place] += 1.0;
        }
    }
    let mean = sums.iter().zip(&counts).map(|(sum, count)| sum / count.max(1.0)).collect();
    Ok(Attribution::contributions(mean, 0.0))
}

/// The first index along each axis of every window.
fn corners(places: &[usize], side: usize) -> Vec<Vec<usize>> {
    let step = side.div_ceil(2);
    places.iter().fold(vec![Vec::new()], |corners, &size| {
        let count = size.saturating_sub(side).div_ceil(step) + 1;
        let along = move |corner: Vec<usize>| (0..count).map(move |k| [corner.clone(), vec![k * step]].concat());
        corners.into_iter().flat_map(along).collect()
    })
}

/// Whether a place lies in the window at a corner.
fn covers(places: &[usize], corner: &[usize], side: usize, mut place: usize) -> bool {
    places.iter().zip(corner).rev().all(|(&size, &first)| {
        let index = place % size;
        place /= size;
        (first..first + side).contains(&index)
    })
}
