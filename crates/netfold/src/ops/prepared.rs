//! What an operator makes of its weights once, for all traces.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

/// Something made of a tensor's numbers, kept as long as the operator is given the same tensor.
#[derive(Debug, Default)]
pub(super) struct Prepared(Mutex<Option<Arc<dyn Any + Send + Sync>>>);

/// What is kept: the numbers that it was made of, and what was made.
struct Kept<E, M>(Arc<Vec<E>>, Arc<M>);

impl Prepared {
    /// What `make` makes of these numbers: by this call, or by an earlier one with the very same numbers.
    pub fn of<E, M>(&self, numbers: &Arc<Vec<E>>, make: impl FnOnce() -> M) -> Arc<M>
    where
        E: Send + Sync + 'static,
        M: Send + Sync + 'static,
    {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Kept(from, made)) = kept.as_ref().and_then(|kept| kept.downcast_ref::<Kept<E, M>>())
            && Arc::ptr_eq(from, numbers)
        {
            return Arc::clone(made);
        }
        let made = Arc::new(make());
        *kept = Some(Arc::new(Kept(Arc::clone(numbers), Arc::clone(&made))));
        made
    }
}

/// A copy has made nothing yet.
impl Clone for Prepared {
    fn clone(&self) -> Self {
        Self::default()
    }
}
