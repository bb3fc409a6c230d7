//! `MaxPool`, `AveragePool`.

use std::sync::Arc;

use netfold_linear::{ArgmaxPool, Real, Select, Sparse, Window, WindowAxis};
use rayon::prelude::*;

use super::facts::{BFLOAT16, BYTES, FLOATS, Facts};
use super::sliding::{Readings, Sliding, Windows};
use super::{At, Attributes, Class, Dependence, Extent, Holds, Inputs, Op, Operator, Outlines, Record, only, size};
use crate::affine::{Affine, Constraints, Validity, Winner};
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(name: &str) -> Facts {
    let class = if name == "MaxPool" { Class::MaxPool } else { Class::Pool };
    let facts = Sliding::declared(Facts::since(1, class)).required("kernel_shape", ..).int("ceil_mode", 10..);
    match name {
        "MaxPool" => facts
            .int("storage_order", 8..)
            .ints("dilations", 10..)
            .input("X", FLOATS.with(BYTES, 12).with(BFLOAT16, 22), ..)
            .outputs(2, 8..),
        _ => facts.int("count_include_pad", 7..).ints("dilations", 19..).input("X", FLOATS.with(BFLOAT16, 22), ..),
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let sliding = Sliding::read(attributes)?;
    sliding.kernel()?;
    Ok(match name {
        "MaxPool" => Box::new(MaxPool {
            sliding,
            column_major: attributes.int_or("storage_order", 0)? != 0,
            indices: attributes.outputs > 1,
        }),
        _ => Box::new(AveragePool { sliding, count_padding: attributes.int_or("count_include_pad", 0)? != 0 }),
    })
}

/// A pool over one input: how many channels of all pictures, the window, and where it reads.
pub(super) struct Layout {
    pub shape: Vec<usize>,
    planes: usize,
    window: Window,
    ends: Vec<isize>,
}

impl Layout {
    /// What each output place reads.
    pub fn readings(&self) -> Result<Readings, OpError> {
        Readings::new(&self.window)
    }

    /// How many input places the windows of a channel read together, at most.
    pub fn taps(&self) -> f64 {
        size::amount(&self.window.output()) * self.window.taps() as f64
    }

    /// How many channels there are, of all pictures.
    pub fn planes(&self) -> f64 {
        self.planes as f64
    }

    /// An output place whose window holds no place of the input.
    fn empty(&self) -> Option<usize> {
        let outside = |axis: &WindowAxis| -> Vec<bool> {
            (0..axis.output).map(|o| (0..axis.kernel).all(|tap| axis.read(o, tap).is_none())).collect()
        };
        let outside: Vec<Vec<bool>> = self.window.axes.iter().map(outside).collect();
        let any = outside.iter().flatten().any(|&outside| outside);
        let lies_outside = |&place: &usize| {
            let mut rest = place;
            outside.iter().rev().any(|axis| {
                let here = axis[rest % axis.len()];
                rest /= axis.len();
                here
            })
        };
        (0..self.window.output().iter().product()).filter(|_| any).find(lies_outside)
    }
}

pub(super) fn layout(sliding: &Sliding, x: &[usize]) -> Result<Layout, OpError> {
    let &[batch, channels, ref places @ ..] = x else {
        return Err(OpError::new(format!("{x:?} has no batch and channel axes")));
    };
    let (window, ends) = sliding.window(places, &sliding.kernel()?)?;
    let shape = [vec![batch, channels], window.output()].concat();
    size::count(&shape)?;
    let kernel: Vec<usize> = window.axes.iter().map(|axis| axis.kernel).collect();
    size::count(&[kernel, window.output()].concat())?;
    Ok(Layout { shape, planes: batch * channels, window, ends })
}

/// `y[c, p] = max over taps t of x[c, p · stride + t · dilation − pad]`, padding left out.
///
/// Frozen: the winner at the traced point, the first one on a tie. Windows may overlap, so an element can win in several
/// of them; the transpose adds what they give back.
///
/// Source: ONNX `MaxPool`.
#[derive(Clone, Debug)]
struct MaxPool {
    sliding: Sliding,
    /// How the second output numbers the places of a picture.
    column_major: bool,
    indices: bool,
}

impl Operator for MaxPool {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let (holds, layout) = (x.input(0)?.holds, layout(&self.sliding, x.shape(0)?)?);
        let (products, shape) = (layout.taps() * layout.planes(), layout.shape);
        // Integers are compared as numbers.
        let numbers = if holds == Holds::Ints { x.reals(x.count(0)) } else { 0.0 };
        let made = Extent::new(holds, shape.clone()).kept(size::amount(&shape) * size_of::<u32>() as f64);
        let made = made.scratch(numbers).mul_adds(products);
        Ok(if self.indices && holds != Holds::Ints { made.and(Holds::Ints, shape) } else { made })
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input"])
    }

    fn windows(&self, x: &[usize]) -> Option<Windows> {
        let layout = layout(&self.sliding, x).ok()?;
        Some(Windows::new(x[2..].iter().product(), layout.readings().ok()?))
    }
}

impl MaxPool {
    /// Which elements of x win.
    fn winners<T: Real>(&self, x: &Tensor<T>) -> Result<Winners<T>, OpError> {
        let layout = layout(&self.sliding, x.shape())?;
        if let Some(p) = layout.empty() {
            return Err(OpError::new(format!("the window of output place {p} lies in the padding")));
        }
        let Layout { shape, planes, window, .. } = layout;
        let outputs = window.output().iter().product();
        let places = x.shape()[2..].iter().product();
        let (mut winners, mut largest) = (vec![0_u32; planes * outputs], T::pool().at_least(planes * outputs));
        if places > 0 && outputs > 0 {
            let contest = ArgmaxPool::new(&window);
            let made = winners.par_chunks_mut(outputs).zip(largest[..planes * outputs].par_chunks_mut(outputs));
            made.zip(x.data().par_chunks(places)).enumerate().for_each(|(plane, ((winners, largest), x))| {
                contest.winners((plane * places) as u32, x, winners, largest);
            });
        }
        Ok(Winners { of: winners, largest: Tensor::shared(&shape, Arc::new(largest)) })
    }

    /// Where the winners lie in the input, as the second output says it.
    fn places(&self, x: &[usize], winners: &[u32]) -> Vec<i64> {
        let places: usize = x[2..].iter().product();
        let column_major = |element: usize| {
            let (mut rest, mut place, mut step) = (element % places, 0, places);
            // From the innermost axis out: its index moves by what all axes before it make.
            for &size in x[2..].iter().rev() {
                step /= size;
                place += rest % size * step;
                rest /= size;
            }
            (element - element % places + place) as i64
        };
        winners.iter().map(|&e| if self.column_major { column_major(e as usize) } else { i64::from(e) }).collect()
    }
}

/// For each element of y the element of x that wins, and its value.
struct Winners<T> {
    of: Vec<u32>,
    largest: Tensor<T>,
}

impl<T: Real> Op<T> for MaxPool {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        if let Value::Int(x) = x.value(0)? {
            // Integers of 8 bits, as the operator knows them, are exact in either precision.
            let Winners { of, largest } = self.winners(&x.map(|&value| T::of(value as f64)))?;
            return Ok(vec![Value::Int(x.selected(largest.shape(), &of, &0))]);
        }
        let x = x.real(0)?;
        let Winners { of, largest } = self.winners(x)?;
        let places = self.indices.then(|| Value::Int(Tensor::new(largest.shape(), self.places(x.shape(), &of))));
        Ok([Value::Real(largest)].into_iter().chain(places).collect())
    }

    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        if self.indices {
            return Record::both(self, x, varies);
        }
        let x = x.real(0)?;
        let Winners { of, largest } = self.winners(x)?;
        let select = Select::new(x.shape(), largest.shape(), of);
        Ok(Some(Record::new(largest, Affine::linear(select).valid(Validity::Region))))
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let x = at.inputs.real(0)?;
        let Winners { of, largest } = self.winners(x)?;
        let shape = largest.shape().to_vec();
        largest.recycle();
        if at.output == 1 {
            // The same in the whole region.
            let places = self.places(x.shape(), &of).iter().map(|&place| T::of(place as f64)).collect();
            return Ok(Affine::constant(&Tensor::new(&shape, places)).valid(Validity::Region));
        }
        Ok(Affine::linear(Select::new(x.shape(), &shape, of)).valid(Validity::Region))
    }

    fn constraints(&self, at: &At<'_, T>) -> Result<Vec<Constraints<T>>, OpError> {
        let x = at.inputs.real(0)?;
        let layout = layout(&self.sliding, x.shape())?;
        let (readings, planes) = (layout.readings()?, layout.planes);
        let (places, winners) = (x.shape()[2..].iter().product::<usize>(), self.winners(x)?.of);
        let windows = (0..planes).flat_map(|plane| (0..readings.len()).map(move |p| (plane, p)));
        let members = windows.enumerate().flat_map(|(window, (plane, p))| {
            readings.of(p).iter().map(move |&place| (window, (plane * places) as u32 + place))
        });
        Ok(vec![Constraints::contest(0, &winners, members, Winner::Largest)])
    }
}

/// `y[c, p] = mean over taps t of x[c, p · stride + t · dilation − pad]`: over those inside x, or over all of them with
/// `count_include_pad`.
///
/// In `ceil_mode` a last window can reach beyond the padding; taps there are no part of the mean.
///
/// Source: ONNX `AveragePool`.
#[derive(Clone, Debug)]
struct AveragePool {
    sliding: Sliding,
    count_padding: bool,
}

impl Operator for AveragePool {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let layout = layout(&self.sliding, x.shape(0)?)?;
        let read = layout.taps();
        let (read_by, entries) = (read * size_of::<u32>() as f64, size::sparse(layout.planes() * read, x.width));
        Ok(Extent::new(Holds::Reals, layout.shape).scratch(read_by).kept(entries))
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input"])
    }
}

impl AveragePool {
    /// What the sum over the window of each output place is divided by.
    fn counts(&self, layout: &Layout, readings: &Readings) -> Vec<usize> {
        if !self.count_padding {
            return (0..readings.len()).map(|p| readings.of(p).len()).collect();
        }
        let mut counts = vec![1];
        for (axis, &end) in layout.window.axes.iter().zip(&layout.ends) {
            let last = axis.input as isize + end;
            let inside = |o: usize| {
                let place = |tap: usize| (o * axis.stride + tap * axis.dilation) as isize - axis.pad;
                (0..axis.kernel).filter(|&tap| place(tap) < last).count()
            };
            let along: Vec<usize> = (0..axis.output).map(inside).collect();
            counts = counts.iter().flat_map(|&count| along.iter().map(move |&here| count * here)).collect();
        }
        counts
    }
}

impl<T: Real> Op<T> for AveragePool {
    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        Record::applied(self, x, varies)
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let x = at.inputs.shape(0)?;
        let layout = layout(&self.sliding, x)?;
        let readings = layout.readings()?;
        let (outputs, places) = (readings.len(), x[2..].iter().product::<usize>());
        let weights: Vec<T> = self.counts(&layout, &readings).iter().map(|&count| T::of(1.0 / count as f64)).collect();
        size::count(&[layout.planes, layout.window.taps(), outputs])?;
        let row = |i: usize| {
            let (plane, p) = (i / outputs, i % outputs);
            let weight = weights[p];
            readings.of(p).iter().map(move |&place| (plane * places + place as usize, weight))
        };
        Ok(Affine::linear(Sparse::new(x, &layout.shape, row)))
    }
}
