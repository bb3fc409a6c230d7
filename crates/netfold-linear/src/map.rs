//! What a linear map is.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use crate::{Broadcast, Probes, Real, Support};

/// A linear map y = A x over a batch of probes. It has never heard of networks.
///
/// The caller of either direction chooses the support `onto` of the result. An implementation computes exactly those
/// elements: elements outside are not needed, and elements inside are stored as zero where A leaves them zero. Every
/// element of a result is summed by one thread in a fixed order, so that the bits do not depend on the number of
/// threads.
///
/// The law that each implementation is tested by, for arbitrary x and y:
///
/// ⟨A x, y⟩ = ⟨x, Aᵀ y⟩
pub trait LinearMap<T: Real>: Any + Debug + Send + Sync {
    /// Shape of x.
    fn domain(&self) -> &[usize];

    /// Shape of y.
    fn codomain(&self) -> &[usize];

    /// y = A x, on the elements of `onto`.
    fn apply(&self, x: Probes<T>, onto: &Support) -> Probes<T>;

    /// A x + c on all elements.
    fn apply_plus(&self, x: Probes<T>, c: &Broadcast<T>) -> Probes<T> {
        self.apply(x, &Support::full(self.codomain())).plus_broadcast(c)
    }

    /// x = Aᵀ y, on the elements of `onto`.
    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T>;

    /// sum + Aᵀ y, on the elements that `sum` stores.
    fn add_transpose(&self, y: Probes<T>, sum: Probes<T>) -> Probes<T> {
        let x = self.apply_transpose(y, sum.support());
        sum.plus(&x)
    }

    /// Frees cached data, such as weights in the order of one loop, because memory is needed for something else. The
    /// map makes the data anew when it needs them.
    fn clear_caches(&self) {}

    /// How many multiply-adds A x or Aᵀ y takes for one probe, with x stored on `x` and y on `y`. Strategies are
    /// compared by this.
    fn mul_adds(&self, x: &Support, y: &Support) -> f64 {
        x.count().max(y.count()) as f64
    }

    /// The support of y = A x for an x that is stored on `of`: elements of y that can differ from zero.
    fn output_support(&self, of: &Support) -> Support;

    /// The support of x = Aᵀ y for a y that is stored on `of`: elements of x that can differ from zero.
    fn input_support(&self, of: &Support) -> Support;

    /// The map of the absolute values or the squares of A's entries, or what is larger entry by entry; of maps that are made
    /// of maps, their product or sum.
    fn entrywise(&self, how: Entrywise) -> SharedMap<T>;

    /// A map M ≥ |A|, entry by entry: |A| itself, or a product of such maps. Bounds are propagated by it: |A x| ≤ M |x|.
    fn abs_bound(&self) -> SharedMap<T> {
        self.entrywise(Entrywise::Magnitude)
    }

    /// Whether A x takes no rounding, because elements are moved, repeated or dropped and nothing is multiplied or added.
    fn is_exact(&self) -> bool {
        false
    }
}

/// A map that several owners hold.
pub type SharedMap<T> = Arc<dyn LinearMap<T>>;

impl<T: Real> LinearMap<T> for SharedMap<T> {
    fn domain(&self) -> &[usize] {
        (**self).domain()
    }

    fn codomain(&self) -> &[usize] {
        (**self).codomain()
    }

    fn apply(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        (**self).apply(x, onto)
    }

    fn apply_plus(&self, x: Probes<T>, c: &Broadcast<T>) -> Probes<T> {
        (**self).apply_plus(x, c)
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        (**self).apply_transpose(y, onto)
    }

    fn add_transpose(&self, y: Probes<T>, sum: Probes<T>) -> Probes<T> {
        (**self).add_transpose(y, sum)
    }

    fn clear_caches(&self) {
        (**self).clear_caches();
    }

    fn mul_adds(&self, x: &Support, y: &Support) -> f64 {
        (**self).mul_adds(x, y)
    }

    fn output_support(&self, of: &Support) -> Support {
        (**self).output_support(of)
    }

    fn input_support(&self, of: &Support) -> Support {
        (**self).input_support(of)
    }

    fn entrywise(&self, how: Entrywise) -> SharedMap<T> {
        (**self).entrywise(how)
    }

    fn is_exact(&self) -> bool {
        (**self).is_exact()
    }
}

/// What becomes of each entry of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrywise {
    /// |a|
    Magnitude,
    /// a²: independent errors of x with variances v give A x errors of variances (A ∘ A) v.
    Square,
}

impl Entrywise {
    /// |a| or a².
    pub fn of<T: Real>(self, a: T) -> T {
        match self {
            Self::Magnitude => a.abs(),
            Self::Square => a * a,
        }
    }
}

/// ⟨A x, y⟩ and ⟨x, Aᵀ y⟩, both summed in double precision, probe by probe.
///
/// The dot-product test: the two agree to rounding for every x and y if, and only if, `apply_transpose` is the
/// transpose of `apply`.
///
/// # Panics
/// If x and y do not have the shapes of the map, or differ in width.
pub fn dot_test<T: Real>(map: &dyn LinearMap<T>, x: &Probes<T>, y: &Probes<T>) -> Vec<(f64, f64)> {
    assert_eq!((x.shape(), y.shape()), (map.domain(), map.codomain()), "shapes of the map");
    let ax = map.apply(x.clone(), &Support::full(map.codomain()));
    let aty = map.apply_transpose(y.clone(), &Support::full(map.domain()));
    let dot = |a: &Probes<T>, b: &Probes<T>, probe: usize| -> f64 {
        a.vector(probe).iter().zip(b.vector(probe)).map(|(&a, b)| a.wide() * b.wide()).sum()
    };
    (0..x.width()).map(|probe| (dot(&ax, y, probe), dot(x, &aty, probe))).collect()
}

/// The matrix of a map, row-major `[codomain · domain]`: column j is A applied to the unit vector j.
///
/// Costs one probe for each input element: for tests and for small maps.
pub fn matrix<T: Real>(map: &dyn LinearMap<T>) -> Vec<T> {
    let columns: Vec<usize> = (0..map.domain().iter().product()).collect();
    let y = map.apply(Probes::one_hot(map.domain(), &columns), &Support::full(map.codomain()));
    y.into_values()
}
