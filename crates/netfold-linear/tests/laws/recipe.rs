//! A map written down twice: as the crate builds it, and as a naive dense matrix.

use std::sync::Arc;

use netfold_linear::{
    Broadcast, Chain, Conv, Diagonal, Filter, Identity, Mask, MatMul, RankOne, Real, Reduction, Resample, Select,
    SharedMap, Side, Sparse, Support, Taps, Transposed, Window, WindowAxis,
};

/// How a field of factors is given.
#[derive(Clone, Debug)]
pub enum Factors {
    Uniform(f64),
    Along(usize, Vec<f64>),
    Full(Vec<f64>),
}

/// What a resampled axis is made by.
#[derive(Clone, Debug)]
pub enum Line {
    Antialiased { input: usize, output: usize, filter: Filter },
    Any { input: usize, rows: Vec<Vec<(usize, f64)>> },
}

/// What it takes to build a map.
#[derive(Clone, Debug)]
pub enum Recipe {
    Reshape {
        domain: Vec<usize>,
        codomain: Vec<usize>,
    },
    Diagonal {
        shape: Vec<usize>,
        factors: Factors,
    },
    /// d, u and v, and how lines lie: elements, and the distance between them.
    RankOne {
        shape: Vec<usize>,
        parts: [Vec<f64>; 3],
        lines: [usize; 2],
    },
    Mask {
        shape: Vec<usize>,
        active: Vec<bool>,
    },
    Select {
        domain: Vec<usize>,
        codomain: Vec<usize>,
        source: Vec<Option<usize>>,
    },
    Sparse {
        domain: Vec<usize>,
        codomain: Vec<usize>,
        rows: Vec<Vec<(usize, f64)>>,
    },
    /// A sum over axes `first..end`.
    Reduction {
        domain: Vec<usize>,
        axes: [usize; 2],
        scale: f64,
    },
    Resample {
        domain: Vec<usize>,
        axis: usize,
        lines: [Line; 2],
    },
    Conv {
        batch: usize,
        groups: usize,
        ins: usize,
        outs: usize,
        axes: Vec<WindowAxis>,
        weights: Vec<f64>,
    },
    MatMul {
        left: bool,
        transposed: bool,
        sizes: [usize; 3],
        constants: Vec<f64>,
        batch: usize,
        pairs: Vec<(usize, usize)>,
    },
    Chain(Box<Recipe>, Box<Recipe>),
    Transposed(Box<Recipe>),
}

pub fn len(shape: &[usize]) -> usize {
    shape.iter().product()
}

fn of<T: Real>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&value| T::of(value)).collect()
}

impl Line {
    fn taps<T: Real>(&self) -> Taps<T> {
        match self {
            Self::Antialiased { input, output, filter } => Taps::antialiased(*input, *output, *filter),
            Self::Any { input, rows } => Taps::new(*input, rows),
        }
    }

    /// Places before and after, and the matrix between them.
    fn dense(&self) -> (usize, usize, Vec<f64>) {
        match self {
            Self::Antialiased { input, output, filter } => (*input, *output, antialiased(*input, *output, *filter)),
            Self::Any { input, rows } => {
                let mut matrix = vec![0.0; rows.len() * input];
                for (i, row) in rows.iter().enumerate() {
                    row.iter().for_each(|&(j, weight)| matrix[i * input + j] += weight);
                }
                (*input, rows.len(), matrix)
            }
        }
    }
}

/// Weights of every input place for every output place, by the definition: filter at the distance of the centres, in
/// places of the input or of the output, whichever are wider; each row divided by its sum.
fn antialiased(input: usize, output: usize, filter: Filter) -> Vec<f64> {
    let scale = input as f64 / output as f64;
    let mut matrix = vec![0.0; input * output];
    for (i, row) in matrix.chunks_mut(input.max(1)).enumerate() {
        let centre = (i as f64 + 0.5) * scale;
        for (j, weight) in row.iter_mut().enumerate() {
            let t = (j as f64 + 0.5 - centre).abs() / scale.max(1.0);
            *weight = match filter {
                Filter::Nearest => f64::from(u8::from((j as f64..j as f64 + 1.0).contains(&centre))),
                Filter::Bilinear => f64::max(0.0, 1.0 - t),
                // 1.5 t³ − 2.5 t² + 1 and −0.5 t³ + 2.5 t² − 4 t + 2 by their roots: the sums cancel near t = 1 and 2.
                Filter::Bicubic if t < 1.0 => (1.0 - t) * (1.0 + t - 1.5 * t.powi(2)),
                Filter::Bicubic if t < 2.0 => -0.5 * (t - 1.0) * (2.0 - t).powi(2),
                Filter::Bicubic => 0.0,
            };
        }
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|weight| {
            *weight = if *weight / sum < 1e-12 && *weight / sum > -1e-12 { 0.0 } else { *weight / sum }
        });
    }
    matrix
}

impl Recipe {
    /// The map as the crate builds it.
    pub fn build<T: Real>(&self) -> SharedMap<T> {
        match self {
            Self::Reshape { domain, codomain } => Arc::new(Identity::reshape(domain, codomain)),
            Self::Diagonal { shape, factors } => Arc::new(Diagonal::new(match factors {
                Factors::Uniform(value) => Broadcast::uniform(shape, T::of(*value)),
                Factors::Along(axis, values) => Broadcast::along(shape, *axis, of(values)),
                Factors::Full(values) => Broadcast::full(shape, of(values)),
            })),
            Self::RankOne { shape, parts: [d, u, v], lines } => {
                Arc::new(RankOne::new(Broadcast::full(shape, of(d)), of(u), of(v), *lines))
            }
            Self::Mask { shape, active } => Arc::new(Mask::new(Support::from_fn(shape, |e| active[e]))),
            Self::Select { domain, codomain, source } => {
                let source = source.iter().map(|j| j.map_or(Select::NONE, |j| j as u32)).collect();
                Arc::new(Select::new(domain, codomain, source))
            }
            Self::Sparse { domain, codomain, rows } => {
                let row = |i: usize| rows[i].iter().map(|&(column, weight)| (column, T::of(weight)));
                Arc::new(Sparse::new(domain, codomain, row))
            }
            Self::Reduction { domain, axes: [first, end], scale } => {
                let codomain = [&domain[..*first], &domain[*end..]].concat();
                Arc::new(Reduction::new(domain, *first..*end, &codomain, T::of(*scale)))
            }
            Self::Resample { domain, axis, lines: [rows, columns] } => {
                Arc::new(Resample::new(domain, *axis, rows.taps(), columns.taps()))
            }
            Self::Conv { batch, groups, ins, outs, axes, weights } => {
                let window = Window { axes: axes.clone() };
                let weights = Arc::new(of(weights));
                Arc::new(Conv::new(*batch, ins * groups, outs * groups, *groups, &window, weights))
            }
            Self::MatMul { left, transposed, sizes, constants, batch, pairs } => {
                let [m, k, n] = *sizes;
                let (side, x) = if *left { (Side::Lhs, [k, n]) } else { (Side::Rhs, [m, k]) };
                let (domain, codomain) = ([*batch, x[0], x[1]], [pairs.len(), m, n]);
                let product = MatMul::new(side, Arc::new(of(constants)), *sizes, &domain, &codomain, pairs.clone());
                Arc::new(if *transposed { product.transposed() } else { product })
            }
            Self::Chain(first, then) => Arc::new(Chain::new(first.build(), then.build())),
            Self::Transposed(map) => Arc::new(Transposed(map.build())),
        }
    }

    /// `[rows, columns]` of the dense twin, and the matrix itself, row by row.
    pub fn dense(&self) -> (usize, usize, Vec<f64>) {
        let filled = |rows: usize, columns: usize, entry: &dyn Fn(usize, usize) -> f64| {
            let matrix = (0..rows * columns).map(|e| entry(e / columns, e % columns)).collect();
            (rows, columns, matrix)
        };
        let one = |is: bool| f64::from(u8::from(is));
        match self {
            Self::Reshape { domain, codomain } => filled(len(codomain), len(domain), &|i, j| one(i == j)),
            Self::Diagonal { shape, factors } => filled(len(shape), len(shape), &|i, j| match factors {
                _ if i != j => 0.0,
                Factors::Uniform(value) => *value,
                Factors::Along(axis, values) => values[i / len(&shape[axis + 1..]) % shape[*axis]],
                Factors::Full(values) => values[i],
            }),
            Self::RankOne { shape, parts: [d, u, v], lines: [size, inner] } => {
                let line = |e: usize| (e / (size * inner), e % inner);
                filled(len(shape), len(shape), &|i, j| {
                    one(i == j) * d[i] - if line(i) == line(j) { u[i] * v[j] } else { 0.0 }
                })
            }
            Self::Mask { shape, active } => filled(len(shape), len(shape), &|i, j| one(i == j && active[i])),
            Self::Select { domain, codomain, source } => {
                filled(len(codomain), len(domain), &|i, j| one(source[i] == Some(j)))
            }
            Self::Sparse { domain, codomain, rows } => filled(len(codomain), len(domain), &|i, j| {
                rows[i].iter().filter(|(column, _)| *column == j).map(|(_, weight)| weight).sum()
            }),
            Self::Reduction { domain, axes: [first, end], scale } => {
                let (outer, middle, inner) = (len(&domain[..*first]), len(&domain[*first..*end]), len(&domain[*end..]));
                filled(outer * inner, outer * middle * inner, &|i, j| {
                    scale * one((i / inner, i % inner) == (j / (middle * inner), j % inner))
                })
            }
            Self::Resample { domain, axis, lines: [rows, columns] } => {
                let ((h, to_h, v), (w, to_w, u)) = (rows.dense(), columns.dense());
                let (outer, inner) = (len(&domain[..*axis]), len(&domain[axis + 2..]));
                filled(outer * to_h * to_w * inner, outer * h * w * inner, &|i, j| {
                    let (lane, place) = (i % inner, i / inner);
                    let (lane_in, place_in) = (j % inner, j / inner);
                    let same = lane == lane_in && place / (to_h * to_w) == place_in / (h * w);
                    let (r, c) = (place / to_w % to_h, place % to_w);
                    let (s, t) = (place_in / w % h, place_in % w);
                    one(same) * v[r * h + s] * u[c * w + t]
                })
            }
            Self::Conv { .. } => self.dense_conv(),
            Self::MatMul { .. } => self.dense_product(),
            Self::Chain(first, then) => {
                let ((between, columns, a), (rows, _, b)) = (first.dense(), then.dense());
                filled(rows, columns, &|i, j| (0..between).map(|k| b[i * between + k] * a[k * columns + j]).sum())
            }
            Self::Transposed(map) => {
                let (rows, columns, matrix) = map.dense();
                filled(columns, rows, &|i, j| matrix[j * columns + i])
            }
        }
    }

    /// Whether its weights are other numbers than small integers, so that sums in another order round differently.
    pub fn rounds(&self) -> bool {
        match self {
            Self::Resample { .. } => true,
            Self::Chain(first, then) => first.rounds() || then.rounds(),
            Self::Transposed(map) => map.rounds(),
            _ => false,
        }
    }

    fn dense_conv(&self) -> (usize, usize, Vec<f64>) {
        let Self::Conv { batch, groups, ins, outs, axes, weights } = self else { unreachable!() };
        let two = if axes.len() == 1 { [WindowAxis::UNIT, axes[0]] } else { [axes[0], axes[1]] };
        let [y, x] = two;
        let rows = batch * groups * outs * y.output * x.output;
        let columns = batch * groups * ins * y.input * x.input;
        let mut matrix = vec![0.0; rows * columns];
        for (i, row) in matrix.chunks_mut(columns.max(1)).enumerate() {
            let (ox, oy) = (i % x.output, i / x.output % y.output);
            let channel = i / (x.output * y.output) % (groups * outs);
            let image = i / (x.output * y.output * groups * outs);
            for c in 0..*ins {
                for (ty, tx) in (0..y.kernel).flat_map(|ty| (0..x.kernel).map(move |tx| (ty, tx))) {
                    let at = |a: &WindowAxis, o: usize, t: usize| (o * a.stride + t * a.dilation) as isize - a.pad;
                    let (iy, ix) = (at(&y, oy, ty), at(&x, ox, tx));
                    if iy < 0 || iy >= y.input as isize || ix < 0 || ix >= x.input as isize {
                        continue;
                    }
                    let from = (image * groups + channel / outs) * ins + c;
                    let column = (from * y.input + iy as usize) * x.input + ix as usize;
                    row[column] += weights[((channel * ins + c) * y.kernel + ty) * x.kernel + tx];
                }
            }
        }
        (rows, columns, matrix)
    }

    fn dense_product(&self) -> (usize, usize, Vec<f64>) {
        let Self::MatMul { left, transposed, sizes: [m, k, n], constants, batch, pairs } = self else { unreachable!() };
        let of_x = if *left { k * n } else { m * k };
        let (rows, columns) = (pairs.len() * m * n, batch * of_x);
        let mut matrix = vec![0.0; rows * columns];
        for (y, &(constant, x)) in pairs.iter().enumerate() {
            let entry = |rows: usize, columns: usize, i: usize, j: usize| {
                let (i, j, columns) = if *transposed { (j, i, rows) } else { (i, j, columns) };
                constants[constant * if *left { m * k } else { k * n } + i * columns + j]
            };
            for (r, c, i) in (0..m * n * k).map(|e| (e / k / n, e / k % n, e % k)) {
                let (weight, column) =
                    if *left { (entry(*m, *k, r, i), i * n + c) } else { (entry(*k, *n, i, c), r * k + i) };
                matrix[((y * m + r) * n + c) * columns + x * of_x + column] += weight;
            }
        }
        (rows, columns, matrix)
    }
}
