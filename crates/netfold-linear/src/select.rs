//! y picks elements of x.

use std::sync::{Arc, OnceLock};

use crate::{LinearMap, Probes, Real, SharedMap, Support};

/// `y[i] = x[source[i]]`, or 0 where `source[i]` is [`Select::NONE`].
///
/// Everything that moves data is this map: transpose, slice, pad, broadcast, and a max pool once its winners are
/// known. Indices may repeat, so the transpose adds: `x[j] = Σ over i with source[i] = j of y[i]`.
#[derive(Clone, Debug)]
pub struct Select {
    domain: Vec<usize>,
    codomain: Vec<usize>,
    /// How y's elements move where most of them do so together with their neighbours.
    runs: Option<Arc<Vec<Run>>>,
    /// Whether runs pick each element of x once, one after the other.
    each_once: bool,
    /// One index for each element of y; of runs made when first used.
    source: Arc<OnceLock<Vec<u32>>>,
}

/// `y[to + i] = x[from + i]` for i below `len`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first element of x.
    pub from: usize,
    /// The first element of y.
    pub to: usize,
    /// How many elements there are.
    pub len: usize,
}

impl Select {
    /// The index of an element of y that is always zero.
    pub const NONE: u32 = u32::MAX;

    /// The map with these indices, one for each element of the codomain.
    ///
    /// # Panics
    /// If the number of indices is not that of the codomain's elements, or one of them lies outside the domain.
    pub fn new(domain: &[usize], codomain: &[usize], source: Vec<u32>) -> Self {
        let len = domain.iter().product::<usize>();
        assert_eq!(source.len(), codomain.iter().product::<usize>(), "one index for each element of y");
        assert!(source.iter().all(|&j| j == Self::NONE || (j as usize) < len), "indices inside x");
        let source = Arc::new(OnceLock::from(source));
        Self { domain: domain.to_vec(), codomain: codomain.to_vec(), runs: None, each_once: false, source }
    }

    /// The map that moves these runs, in the order of their places in y; what none of them covers is zero.
    ///
    /// # Panics
    /// If a run lies outside, or the domain has more than 2³² − 1 elements.
    pub fn in_runs(domain: &[usize], codomain: &[usize], runs: Vec<Run>) -> Self {
        let [from, to] = [domain, codomain].map(|shape| shape.iter().product::<usize>());
        assert!(from < Self::NONE as usize, "indices are u32");
        let (mut covered, mut picked, mut each_once) = (0, 0, true);
        for run in &runs {
            each_once &= run.from == picked;
            picked += run.len;
            assert!(run.from + run.len <= from && covered <= run.to && run.to + run.len <= to, "runs inside x and y");
            covered = run.to + run.len;
        }
        let (runs, source) = (Some(Arc::new(runs)), Arc::new(OnceLock::new()));
        Self {
            domain: domain.to_vec(),
            codomain: codomain.to_vec(),
            runs,
            each_once: each_once && picked == from,
            source,
        }
    }

    /// The same elements of y under another shape.
    ///
    /// # Panics
    /// If it has another number of elements.
    #[must_use]
    pub fn reshaped(self, codomain: &[usize]) -> Self {
        assert_eq!(codomain.iter().product::<usize>(), self.codomain.iter().product::<usize>(), "elements of y");
        Self { codomain: codomain.to_vec(), ..self }
    }

    /// The element of x that `y[i]` is, or `None` where `y[i]` is zero.
    #[inline]
    pub fn source(&self, i: usize) -> Option<usize> {
        found(self.sources()[i])
    }

    /// The indices, one for each element of y.
    pub fn sources(&self) -> &[u32] {
        self.source.get_or_init(|| {
            let mut source = vec![Self::NONE; self.codomain.iter().product()];
            for run in self.runs.iter().flat_map(|runs| runs.iter()) {
                source[run.to..][..run.len].iter_mut().zip(run.from as u32..).for_each(|(source, from)| *source = from);
            }
            source
        })
    }

    /// y for numbers of any kind, `fill` instead of zero.
    ///
    /// # Panics
    /// If x has not as many elements as the domain.
    pub fn pick<E: Clone>(&self, x: &[E], fill: &E) -> Vec<E> {
        self.pick_into(Vec::with_capacity(self.codomain.iter().product()), x, fill)
    }

    /// As [`pick`](Self::pick), into a buffer whose numbers are dropped.
    ///
    /// # Panics
    /// As [`pick`](Self::pick).
    pub fn pick_into<E: Clone>(&self, mut y: Vec<E>, x: &[E], fill: &E) -> Vec<E> {
        y.clear();
        assert_eq!(x.len(), self.domain.iter().product::<usize>(), "elements of x");
        let Some(runs) = &self.runs else {
            let pick = |&j: &u32| if j == Self::NONE { fill.clone() } else { x[j as usize].clone() };
            y.extend(self.sources().iter().map(pick));
            return y;
        };
        for run in runs.iter() {
            y.resize(run.to, fill.clone());
            y.extend_from_slice(&x[run.from..][..run.len]);
        }
        y.resize(self.codomain.iter().product(), fill.clone());
        y
    }

    /// `x[source[i]] = y[i]`: writes y back to where it is picked from.
    ///
    /// # Panics
    /// If x or y has not as many elements as its side of the map.
    pub fn put<E: Clone>(&self, y: &[E], x: &mut [E]) {
        assert_eq!(y.len(), self.codomain.iter().product::<usize>(), "elements of y");
        assert_eq!(x.len(), self.domain.iter().product::<usize>(), "elements of x");
        match &self.runs {
            Some(runs) => {
                runs.iter().for_each(|run| x[run.from..][..run.len].clone_from_slice(&y[run.to..][..run.len]));
            }
            None => (0..y.len()).for_each(|i| {
                if let Some(from) = self.source(i) {
                    x[from] = y[i].clone();
                }
            }),
        }
    }

    /// The runs by which a whole tensor moves onto a whole one.
    fn whole<T: Real>(&self, x: &Probes<T>, onto: &Support) -> Option<&[Run]> {
        let whole = x.width() == 1 && x.support().is_full() && onto.is_full();
        self.runs.as_ref().filter(|_| whole).map(|runs| runs.as_slice())
    }
}

#[inline]
fn found(source: u32) -> Option<usize> {
    (source != Select::NONE).then_some(source as usize)
}

impl<T: Real> LinearMap<T> for Select {
    fn domain(&self) -> &[usize] {
        &self.domain
    }

    fn codomain(&self) -> &[usize] {
        &self.codomain
    }

    fn apply(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        if self.whole(&x, onto).is_some() {
            return Probes::new(onto.clone(), 1, self.pick_into(T::pool().take(onto.count()), x.values(), &T::zero()));
        }
        let source = self.sources();
        x.gather(onto, |i| found(source[i]))
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        if let Some(runs) = self.whole(&y, onto) {
            if self.each_once {
                let mut x = Probes::scratch(onto, 1);
                self.put(y.values(), x.values_mut());
                return x;
            }
            let mut x = Probes::zeros(onto, 1);
            let (from, to) = (y.values(), x.values_mut());
            for run in runs {
                let sums = to[run.from..][..run.len].iter_mut();
                sums.zip(&from[run.to..][..run.len]).for_each(|(sum, &value)| *sum += value);
            }
            return x;
        }
        let source = self.sources();
        y.scatter(onto, |i| found(source[i]))
    }

    fn image(&self, of: &Support) -> Support {
        let flags = of.flags();
        let reached: Vec<u8> = self.sources().iter().map(|&j| flags.get(j as usize).copied().unwrap_or(0)).collect();
        Support::from_flags(&self.codomain, &reached)
    }

    fn preimage(&self, of: &Support) -> Support {
        Support::of(&self.domain, of.standard().filter_map(|i| self.source(i)))
    }

    fn magnitude(&self) -> SharedMap<T> {
        Arc::new(self.clone())
    }
}
