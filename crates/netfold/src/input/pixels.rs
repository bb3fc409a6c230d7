//! From pixels to the model's input and back: one affine map.

use std::sync::Arc;

use netfold_linear::{
    Broadcast, Chain, Diagonal, Identity, MatMul, Probes, Real, Resample, Select, SharedMap, Side, Support,
};

use super::{ChannelOrder, InputError, InputLayout, Picture, Preprocess};
use crate::value::Tensor;

/// Shares of red, green and blue in a gray value: Pillow's `convert("L")`, without its rounding.
const LUMA: [f64; 3] = [0.299, 0.587, 0.114];

/// x = A p + c: the model's input x out of pixels p of shape height × width × channels, values as its file holds them: 0 to 255, or 0
/// to 65535.
///
/// A row w with bias b over the model's input is the row Aᵀ w with bias b + ⟨w, c⟩ over the pixels, exactly.
#[derive(Clone, Debug)]
pub struct PixelMap<T> {
    /// A.
    pub map: SharedMap<T>,
    /// c.
    pub offset: Broadcast<T>,
}

impl Preprocess {
    /// The affine map that makes the model's input of this picture (of any picture with its sizes).
    ///
    /// In order: gray where the model takes one channel (299, 587 and 114 thousandths of red, green and blue);
    /// resampling; crop, channel order and axes, a gray picture going to all channels; scale and offset.
    ///
    /// # Errors
    /// If the result does not have the size or the channels that the model takes.
    pub fn pixel_map<T: Real>(&self, picture: &Picture, layout: &InputLayout) -> Result<PixelMap<T>, InputError> {
        let [height, width, from] = picture.shape();
        let channels = layout.channels().unwrap_or(from);
        let (factors, offsets) = self.per_channel(channels, picture.pixels.largest())?;
        let (resized, cut) = self.sizes([height, width], layout)?;

        let mut stages: Vec<SharedMap<T>> = Vec::new();
        let kept = if channels == 1 { 1 } else { from };
        if kept < from {
            let weights = Arc::new(LUMA.map(T::of).to_vec());
            let sizes = [height * width, from, kept];
            let (domain, codomain) = ([height, width, from], [height, width, kept]);
            stages.push(Arc::new(MatMul::single(Side::Rhs, weights, sizes, &domain, &codomain)));
        }
        if resized != [height, width] {
            stages.push(Arc::new(Resample::antialiased(&[height, width, kept], 0, resized, self.filter)));
        }
        let shape = layout.shape(cut[0], cut[1], channels);
        stages.push(self.arrange([resized[0], resized[1], kept], cut, layout, &shape));

        let field = |values: Vec<T>| match layout.channel_axis() {
            Some(axis) => Broadcast::along(&shape, axis, values),
            None => Broadcast::uniform(&shape, values[0]),
        };
        stages.push(Arc::new(Diagonal::new(field(factors))));
        let chain = |first, then| Arc::new(Chain::new(first, then)) as SharedMap<T>;
        let map = stages.into_iter().reduce(chain).unwrap_or_else(|| Arc::new(Identity::new(&shape)));
        Ok(PixelMap { map, offset: field(offsets) })
    }

    /// Factor and offset for each channel: rescale / std and −mean / std, for pixel values up to `largest`.
    pub(super) fn per_channel<T: Real>(&self, channels: usize, largest: f64) -> Result<(Vec<T>, Vec<T>), InputError> {
        let spread = |what, values: &[f64]| match *values {
            [value] => Ok(vec![value; channels]),
            _ if values.len() == channels => Ok(values.to_vec()),
            _ => Err(InputError::Channels { what, values: values.len(), channels }),
        };
        let (mean, std) = (spread("mean", &self.mean)?, spread("std", &self.std)?);
        if let Some(&zero) = std.iter().find(|std| !(1.0 / **std).is_finite()) {
            return Err(InputError::Deviation(zero));
        }
        let factors = std.iter().map(|std| T::of(self.factor(largest) / std)).collect();
        let offsets = mean.iter().zip(&std).map(|(mean, std)| T::of(-mean / std)).collect();
        Ok((factors, offsets))
    }

    /// Crop, order of channels and axes: `[height, width, channels]` to the model's `shape`.
    fn arrange<T: Real>(
        &self,
        from: [usize; 3],
        cut: [usize; 2],
        layout: &InputLayout,
        shape: &[usize],
    ) -> SharedMap<T> {
        let stride = |axis: usize| shape[axis + 1..].iter().product::<usize>();
        let index = |element: usize, axis: usize| element / stride(axis) % shape[axis];
        // The first row and column that are kept; negative where the cut is larger than the picture.
        let first = [0, 1].map(|axis| (from[axis] as isize - cut[axis] as isize).div_euclid(2));
        let inside = |axis: usize, at: usize| {
            let at = at as isize + first[axis];
            (at >= 0 && at < from[axis] as isize).then_some(at as usize)
        };
        let source = |element: usize| {
            let row = inside(0, index(element, layout.height_axis()))?;
            let column = inside(1, index(element, layout.width_axis()))?;
            let channel = match layout.channel_axis().map(|axis| index(element, axis)) {
                Some(channel) if from[2] == 3 && self.order == ChannelOrder::Bgr => 2 - channel,
                Some(channel) if from[2] == 3 => channel,
                _ => 0,
            };
            Some(((row * from[1] + column) * from[2] + channel) as u32)
        };
        let len = shape.iter().product::<usize>();
        let sources: Vec<u32> = (0..len).map(|element| source(element).unwrap_or(Select::NONE)).collect();
        if len == from.iter().product::<usize>() && sources.iter().enumerate().all(|(i, &j)| i == j as usize) {
            return Arc::new(Identity::reshape(&from, shape));
        }
        Arc::new(Select::new(&from, shape, sources))
    }
}

impl<T: Real> PixelMap<T> {
    /// The model's input for a picture.
    ///
    /// # Panics
    /// If the picture does not have the sizes that the map was made for.
    pub fn apply(&self, picture: &Picture) -> Tensor<T> {
        assert_eq!(self.map.domain(), picture.shape(), "the picture that the map was made for");
        let shape = self.map.codomain();
        let mut x = self.map.apply(picture.tensor().probe(), &Support::full(shape)).into_values();
        x.iter_mut().enumerate().for_each(|(element, x)| *x += self.offset.at(element));
        Tensor::new(shape, x)
    }

    /// Takes what rounding the model's input `made` to `x` has changed into the offset: at this picture x = A p + c.
    pub(super) fn absorb(&mut self, made: &Tensor<T>, x: &Tensor<T>) {
        if made != x {
            let changed = made.data().iter().zip(x.data()).enumerate();
            let offsets = changed.map(|(element, (&made, &x))| self.offset.at(element) + (x - made)).collect();
            self.offset = Broadcast::full(made.shape(), offsets);
        }
    }

    /// Aᵀ W: rows over the model's input as rows over the pixels, height × width × channels.
    pub fn pull(&self, rows: Probes<T>) -> Probes<T> {
        self.map.apply_transpose(rows, &Support::full(self.map.domain()))
    }

    /// b + W c: the bias of each row once it stands over pixels. Summed in double precision.
    ///
    /// # Panics
    /// If there are not as many biases as rows.
    pub fn bias_of(&self, rows: &Probes<T>, bias: &[T]) -> Vec<T> {
        assert_eq!(rows.width(), bias.len(), "one bias a row");
        let mut sums: Vec<f64> = bias.iter().map(|bias| bias.wide()).collect();
        for (values, element) in rows.values().chunks_exact(bias.len().max(1)).zip(rows.support().elements()) {
            let offset = self.offset.at(element).wide();
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value.wide() * offset);
        }
        sums.into_iter().map(T::of).collect()
    }
}
