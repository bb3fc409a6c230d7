//! y picks elements of x.

use std::sync::{Arc, OnceLock};

use netfold_kernels::index::bitset;
use rayon::prelude::*;

use crate::{Entrywise, LinearMap, Probes, Real, SharedMap, Support};

/// Elements that one task moves.
const TASK: usize = 1 << 15;

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
    /// Whether runs pick elements of x in their order, each at most once.
    ordered: bool,
    /// One index for each element of y; of runs made when first used.
    source: Arc<OnceLock<Vec<u32>>>,
    /// What [`margins`](Self::margins) found.
    margins: Arc<OnceLock<Option<Vec<usize>>>>,
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
        // NONE is followed by 0.
        let end = source.iter().fold(0, |end, j| j.wrapping_add(1).max(end));
        assert!(end as usize <= len, "indices inside x");
        let source = Arc::new(OnceLock::from(source));
        Self {
            domain: domain.to_vec(),
            codomain: codomain.to_vec(),
            runs: None,
            ordered: false,
            source,
            margins: Arc::default(),
        }
    }

    /// The map that moves these runs, in the order of their places in y; what none of them covers is zero.
    ///
    /// # Panics
    /// If a run lies outside, or the domain has more than 2³² − 1 elements.
    pub fn in_runs(domain: &[usize], codomain: &[usize], runs: Vec<Run>) -> Self {
        let [from, to] = [domain, codomain].map(|shape| shape.iter().product::<usize>());
        assert!(from < Self::NONE as usize, "indices are u32");
        let (mut covered, mut picked, mut ordered) = (0, 0, true);
        for run in &runs {
            assert!(run.from + run.len <= from && covered <= run.to && run.to + run.len <= to, "runs inside x and y");
            ordered &= picked <= run.from;
            (covered, picked) = (run.to + run.len, run.from + run.len);
        }
        let (runs, source) = (Some(Arc::new(runs)), Arc::new(OnceLock::new()));
        Self { domain: domain.to_vec(), codomain: codomain.to_vec(), runs, ordered, source, margins: Arc::default() }
    }

    /// The same elements of y under another shape.
    ///
    /// # Panics
    /// If it has another number of elements.
    #[must_use]
    pub fn reshaped(self, codomain: &[usize]) -> Self {
        assert_eq!(codomain.iter().product::<usize>(), self.codomain.iter().product::<usize>(), "elements of y");
        Self { codomain: codomain.to_vec(), margins: Arc::default(), ..self }
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

    /// Along each axis how many zeros lie before x, if y is x with zeros around it.
    pub(crate) fn margins(&self) -> Option<&[usize]> {
        self.margins.get_or_init(|| self.find_margins()).as_deref()
    }

    fn find_margins(&self) -> Option<Vec<usize>> {
        let (from, to) = (&self.domain, &self.codomain);
        let places = |shape: &[usize], mut index: usize| -> Vec<usize> {
            let mut places = vec![0; shape.len()];
            for (place, &size) in places.iter_mut().zip(shape).rev() {
                (*place, index) = (index % size, index / size);
            }
            places
        };
        let (count, line) = (from.iter().product::<usize>(), *from.last()?);
        if from.len() != to.len() || count == 0 {
            return None;
        }
        let singles = |sources: &[u32]| -> Vec<Run> {
            let picked = sources.iter().enumerate().filter_map(|(to, &source)| Some((to, found(source)?)));
            picked.map(|(to, from)| Run { from, to, len: 1 }).collect()
        };
        let own;
        let runs: &[Run] = match &self.runs {
            Some(runs) => runs,
            None => {
                own = singles(self.sources());
                &own
            }
        };
        let begin = places(to, runs.first()?.to);
        // Each element of x once, in order, so far from its own place.
        let mut next = 0;
        for run in runs {
            let moved: Vec<usize> =
                places(from, run.from).iter().zip(&begin).map(|(place, begin)| place + begin).collect();
            let inside = moved.iter().zip(to).all(|(place, size)| place < size) && run.from % line + run.len <= line;
            let at = moved.iter().zip(to).fold(0, |index, (place, size)| index * size + place);
            if run.from != next || !inside || at != run.to {
                return None;
            }
            next += run.len;
        }
        (next == count).then_some(begin)
    }

    /// y for numbers of any kind, `fill` instead of zero.
    ///
    /// # Panics
    /// If x has not as many elements as the domain.
    pub fn pick<E: Copy + Send + Sync>(&self, x: &[E], fill: E) -> Vec<E> {
        let mut y = vec![fill; self.codomain.iter().product()];
        self.pick_into(x, fill, &mut y);
        y
    }

    /// As [`pick`](Self::pick), into a buffer, all of which is written.
    ///
    /// # Panics
    /// If x or y has not as many elements as its side of the map.
    pub fn pick_into<E: Copy + Send + Sync>(&self, x: &[E], fill: E, y: &mut [E]) {
        self.check(x, y);
        match &self.runs {
            Some(runs) => transfer(runs, |run| (run.from, run.to), x, Some(fill), y),
            None => y.par_chunks_mut(TASK).zip(self.sources().par_chunks(TASK)).for_each(|(y, sources)| {
                let pick = |&source: &u32| found(source).map_or(fill, |from| x[from]);
                y.iter_mut().zip(sources).for_each(|(y, source)| *y = pick(source));
            }),
        }
    }

    /// `x[source[i]] = y[i]`: writes y back to where it is picked from.
    ///
    /// # Panics
    /// If x or y has not as many elements as its side of the map.
    pub fn put<E: Copy + Send + Sync>(&self, y: &[E], x: &mut [E]) {
        self.check(x, y);
        match &self.runs {
            Some(runs) if self.ordered => transfer(runs, |run| (run.to, run.from), y, None, x),
            Some(runs) => {
                runs.iter().for_each(|run| x[run.from..][..run.len].copy_from_slice(&y[run.to..][..run.len]));
            }
            None => (0..y.len()).for_each(|i| {
                if let Some(from) = self.source(i) {
                    x[from] = y[i];
                }
            }),
        }
    }

    fn check<E>(&self, x: &[E], y: &[E]) {
        assert_eq!(x.len(), self.domain.iter().product::<usize>(), "elements of x");
        assert_eq!(y.len(), self.codomain.iter().product::<usize>(), "elements of y");
    }

    /// The runs by which a whole tensor moves onto a whole one.
    fn whole<T: Real>(&self, x: &Probes<T>, onto: &Support) -> Option<&[Run]> {
        let whole = x.width() == 1 && x.support().is_full() && onto.is_full();
        self.runs.as_ref().filter(|_| whole).map(|runs| runs.as_slice())
    }
}

/// Moves runs, which are in the order of where they go: what is between them becomes `gap`, or stays.
///
/// `ends` says where a run comes from and where it goes.
fn transfer<E: Copy + Send + Sync>(
    runs: &[Run],
    ends: impl Fn(&Run) -> (usize, usize) + Sync,
    from: &[E],
    gap: Option<E>,
    to: &mut [E],
) {
    to.par_chunks_mut(TASK).enumerate().for_each(|(task, to)| {
        let (first, behind) = (task * TASK, task * TASK + to.len());
        let start = runs.partition_point(|run| ends(run).1 + run.len <= first);
        let mut done = 0;
        for run in &runs[start..] {
            let (read, written) = ends(run);
            if written >= behind {
                break;
            }
            let (begin, end) = (written.max(first), (written + run.len).min(behind));
            if let Some(gap) = gap {
                to[done..begin - first].fill(gap);
            }
            done = end - first;
            to[begin - first..done].copy_from_slice(&from[read + begin - written..][..end - begin]);
        }
        if let Some(gap) = gap {
            to[done..].fill(gap);
        }
    });
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
            let mut y = Probes::scratch(onto, 1);
            self.pick_into(x.values(), T::zero(), y.values_mut());
            return y;
        }
        let source = self.sources();
        x.gather(onto, |i| found(source[i]))
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        if let Some(runs) = self.whole(&y, onto) {
            if self.ordered {
                let mut x = Probes::scratch(onto, 1);
                transfer(runs, |run| (run.to, run.from), y.values(), Some(T::zero()), x.values_mut());
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

    fn output_support(&self, of: &Support) -> Support {
        match &self.runs {
            Some(runs) => moved(of, &self.codomain, runs, |run| (run.from, run.to)),
            None => Support::from_flags(&self.codomain, &self.pick(&of.flags(), 0)),
        }
    }

    fn input_support(&self, of: &Support) -> Support {
        if let Some(runs) = &self.runs {
            return moved(of, &self.domain, runs, |run| (run.to, run.from));
        }
        let sources = of.standard().filter_map(|i| self.source(i));
        Support::of(&self.domain, sources)
    }

    fn entrywise(&self, _: Entrywise) -> SharedMap<T> {
        Arc::new(self.clone())
    }

    fn is_exact(&self) -> bool {
        true
    }
}

/// The elements of a tensor of this shape that `runs` move those of `set` to.
fn moved(set: &Support, shape: &[usize], runs: &[Run], ends: impl Fn(&Run) -> (usize, usize)) -> Support {
    let (from, mut to) = (set.words(), vec![0; shape.iter().product::<usize>().div_ceil(64)]);
    for run in runs {
        let (first, at) = ends(run);
        bitset::copy(&mut to, at, &from, first, run.len);
    }
    Support::from_words(shape, to.into_iter())
}
