//! How far a long call has come, and whether it shall go on.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::error::Error;

/// What a long call is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// The forward pass; counted in nodes.
    Trace,
    /// Freezing the nodes; counted as one.
    Freeze,
    /// W x + b and b of all logits, by pushing x and 0; counted as one.
    Compare,
    /// Rows of W; counted in vectors that go through the frozen network.
    Rows,
    /// Maps of networks with shuffled weights; counted in layers.
    Randomise,
    /// The largest ball inside a region; counted in switches measured, of all switches.
    Radius,
    /// The linear pieces of a path; counted in pieces found, of the most that are looked for.
    Pieces,
}

/// How far a step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The step.
    pub step: Step,
    /// How much of the step is done.
    pub done: usize,
    /// How much there is in all.
    pub all: usize,
}

/// Who is told how far a long call has come, and may stop it. Clones tell the same one.
#[derive(Clone, Default)]
pub struct Watch(Option<Arc<Told>>);

type Told = dyn Fn(Progress) -> ControlFlow<()> + Send + Sync;

impl Watch {
    /// `told` is called many times a second; when it returns `Break` the call ends with [`Error::Stopped`]. A search
    /// ([`Step::Radius`], [`Step::Pieces`]) ends with what it has found.
    pub fn new(told: impl Fn(Progress) -> ControlFlow<()> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }

    /// # Errors
    /// [`Error::Stopped`] if the call shall end.
    pub(crate) fn tell(&self, step: Step, done: usize, all: usize) -> Result<(), Error> {
        match self.0.as_ref().map(|told| told(Progress { step, done, all })) {
            Some(ControlFlow::Break(())) => Err(Error::Stopped),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Watch(..)" } else { "Watch" })
    }
}
