//! Fusion of the transposes of a depthwise convolution and the 1×1 convolution before it. Whoever plans a pass decides
//! what is fused: [`Fusible`] checks the maps one after the other, from the depthwise convolution on, and makes a
//! [`FusedConv`].

use std::any::Any;

use netfold_kernels::masked::{MaskedConv, MaskedDepthwise};

use super::{Algorithm, Conv};
use crate::{LinearMap, Mask, Probes, Real, Select, SharedMap, Support};

/// x = Bᵀ Pᵀ Aᵀ y for a depthwise convolution A, masks and zero padding P before it, and a 1×1 convolution B before these.
///
/// The rows of Aᵀ y are made place by place and multiplied at once, so that they never leave the cache. The bits are those
/// of the maps one after the other.
#[derive(Clone, Debug)]
pub struct FusedConv<T> {
    depthwise: Conv<T>,
    /// What Aᵀ y is stored on, and B makes.
    between: Support,
    pointwise: Conv<T>,
}

/// A depthwise convolution whose transpose may be fused with that of a map before it.
#[derive(Clone, Debug)]
pub struct Fusible<T> {
    depthwise: Conv<T>,
    onto: Support,
}

fn as_map<T: Real, M: 'static>(map: &SharedMap<T>) -> Option<&M> {
    let map: &dyn Any = &**map;
    map.downcast_ref()
}

impl<T: Real> Fusible<T> {
    /// Aᵀ y on the elements of `onto`, for batches of `width` vectors; `None` if `map` is no depthwise convolution, or not
    /// computed by the masked loop.
    pub fn new(map: &SharedMap<T>, onto: &Support, width: usize) -> Option<Self> {
        let depthwise: &Conv<T> = as_map(map)?;
        let masked = depthwise.algorithm(width, true) == Algorithm::MaskedDepthwise;
        masked.then(|| Self { depthwise: depthwise.clone(), onto: onto.clone() })
    }

    /// Pᵀ Aᵀ y on the elements of `onto`, if that is Aᵀ y for another window: the rows that a mask P passes are as they
    /// were, and zeros around x are padding of the convolution. `None` for any other map.
    pub fn through(&self, map: &SharedMap<T>, onto: &Support) -> Option<Self> {
        if let Some(mask) = as_map::<T, Mask>(map) {
            return (self.onto.same_rows(onto) && mask.keeps(onto)).then(|| self.clone());
        }
        let pad: &Select = as_map(map)?;
        let begin = pad.margins()?;
        let image = map.output_support(onto);
        if !image.intersection(&self.onto).same_rows(&image) {
            return None;
        }
        Some(Self { depthwise: self.depthwise.padded(map.domain(), begin)?, onto: onto.clone() })
    }

    /// The pair, for batches of `width` vectors, if `map` is a convolution of 1×1 whose weights fit into a cache.
    pub fn after(self, map: &SharedMap<T>, width: usize) -> Option<FusedConv<T>> {
        /// Bytes of weights that are read again at each place: of a level-2 cache.
        const WEIGHTS: usize = 3 << 18;
        let pointwise: &Conv<T> = as_map(map)?;
        let sizes = pointwise.sizes();
        let fits = pointwise.groups == 1
            && pointwise.reads(true).is_identity()
            && sizes.ins * sizes.outs * size_of::<T>() <= WEIGHTS
            && pointwise.algorithm(width, true) == Algorithm::MaskedConv;
        fits.then(|| FusedConv { depthwise: self.depthwise, between: self.onto, pointwise: pointwise.clone() })
    }
}

impl<T: Real> FusedConv<T> {
    /// x on the elements of `onto`, added to `sum` if there is one, which is stored there.
    pub fn apply_transpose(&self, y: &Probes<T>, onto: &Support, sum: Option<Probes<T>>) -> Probes<T> {
        let (width, add) = (y.width(), sum.is_some());
        let mut x = sum.unwrap_or_else(|| Probes::scratch(onto, width));
        if y.values().is_empty() || onto.count() == 0 {
            return if add { x } else { Probes::zeros(onto, width) };
        }
        let Self { depthwise, between, pointwise } = self;
        let after = MaskedDepthwise {
            from: y.support().rows(),
            to: between.rows(),
            reads: depthwise.reads(true),
            weights: depthwise.packed.depth(&depthwise.sizes()),
            width,
            add: false,
        };
        let product = MaskedConv {
            from: between.rows(),
            to: onto.rows(),
            reads: pointwise.reads(true),
            groups: 1,
            weights: pointwise.weights(true),
            width,
            add,
            after: Some(&after),
        };
        product.run(y.values(), x.values_mut());
        x
    }
}
