//! What the training tells: a progress bar, a line for each epoch, and the weights after each epoch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use burn::store::ModuleRecord;
use burn::train::checkpoint::{
    Checkpoint, Checkpointer, CheckpointerError, CheckpointingAction, CheckpointingStrategy,
};
use burn::train::logger::{EvaluationProgressLogger, TrainingProgressLogger};
use burn::train::metric::store::{Aggregate, EventStoreClient, Split};
use burn::train::metric::{AccuracyMetric, LossMetric, Metric, MetricDefinition};
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation, MetricsRendererTraining,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// One epoch in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Epoch {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean cross-entropy while training, dropout on.
    pub training_loss: f64,
    /// Share of right answers while training, dropout on.
    pub training_accuracy: f64,
    /// Mean cross-entropy on the images kept aside.
    pub validation_loss: f64,
    /// Share of right answers on the images kept aside.
    pub validation_accuracy: f64,
}

/// The epochs so far, their weights and the bar; every clone is the same journal.
#[derive(Clone)]
pub struct Journal {
    pages: Arc<Mutex<Pages>>,
    bar: ProgressBar,
    epochs: usize,
}

#[derive(Default)]
struct Pages {
    epochs: Vec<Epoch>,
    weights: BTreeMap<usize, ModuleRecord>,
}

impl Journal {
    /// An empty journal for at most that many epochs.
    pub fn new(epochs: usize) -> Self {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
        let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { pages: Arc::default(), bar, epochs }
    }

    fn pages(&self) -> std::sync::MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All epochs so far.
    pub fn epochs(&self) -> Vec<Epoch> {
        self.pages().epochs.clone()
    }

    /// Keeps the weights after an epoch; epoch 0 is the untrained network.
    pub fn keep(&self, epoch: usize, weights: ModuleRecord) {
        self.pages().weights.insert(epoch, weights);
    }

    /// The weights after an epoch.
    pub fn weights(&self, epoch: usize) -> Option<ModuleRecord> {
        self.pages().weights.get(&epoch).cloned()
    }

    /// The epoch with the lowest validation loss.
    pub fn best(&self) -> Option<usize> {
        let pages = self.pages();
        pages.epochs.iter().min_by(|a, b| a.validation_loss.total_cmp(&b.validation_loss)).map(|best| best.epoch)
    }
}

/// After each epoch: note its numbers, keep its weights.
impl CheckpointingStrategy for Journal {
    fn checkpointing(&mut self, epoch: usize, store: &EventStoreClient) -> Vec<CheckpointingAction> {
        let number = |name: &str, split| store.find_metric(name, epoch, Aggregate::Mean, &split).unwrap_or(f64::NAN);
        let (loss, accuracy) = (LossMetric::new().name(), AccuracyMetric::new().name());
        let page = Epoch {
            epoch,
            training_loss: number(&loss, Split::Train),
            training_accuracy: number(&accuracy, Split::Train) / 100.0,
            validation_loss: number(&loss, Split::Valid),
            validation_accuracy: number(&accuracy, Split::Valid) / 100.0,
        };
        self.pages().epochs.push(page);
        self.bar.suspend(|| {
            eprintln!(
                "epoch {epoch:>3}/{}  training: loss {:.4}, accuracy {:.2} %  validation: loss {:.4}, accuracy {:.2} %",
                self.epochs,
                page.training_loss,
                100.0 * page.training_accuracy,
                page.validation_loss,
                100.0 * page.validation_accuracy
            );
        });
        vec![CheckpointingAction::Save]
    }
}

impl Checkpointer<ModuleRecord> for Journal {
    fn save(&self, epoch: usize, weights: ModuleRecord) -> Result<(), CheckpointerError> {
        self.keep(epoch, weights);
        Ok(())
    }

    fn delete(&self, epoch: usize) -> Result<(), CheckpointerError> {
        self.pages().weights.remove(&epoch);
        Ok(())
    }

    fn restore(&self, epoch: usize) -> Result<ModuleRecord, CheckpointerError> {
        self.weights(epoch).ok_or_else(|| CheckpointerError::Unknown(format!("no weights of epoch {epoch}")))
    }
}

/// Forgets: a training is never taken up again, so the state of optimizer and learning rate is of no use.
pub struct Forget;

impl<R: Checkpoint> Checkpointer<R> for Forget {
    fn save(&self, _epoch: usize, _record: R) -> Result<(), CheckpointerError> {
        Ok(())
    }

    fn delete(&self, _epoch: usize) -> Result<(), CheckpointerError> {
        Ok(())
    }

    fn restore(&self, epoch: usize) -> Result<R, CheckpointerError> {
        Err(CheckpointerError::Unknown(format!("the state of epoch {epoch} is not kept")))
    }
}

impl TrainingProgressLogger for Journal {
    fn start(&mut self, _epochs: usize, _first: usize, _items: Option<usize>, _label: Option<&str>) {}

    fn update_epoch(&mut self, _epoch: usize) {}

    fn start_split(&mut self, split: &str, items: usize) {
        let epoch = self.pages().epochs.len() + 1;
        self.bar.set_message(format!("epoch {epoch}, {split}"));
        self.bar.set_length(items as u64);
        self.bar.reset();
    }

    fn update_split(&mut self, items: usize) {
        self.bar.set_position(items as u64);
    }

    fn end_split(&mut self) {}

    fn end(&mut self) {
        self.bar.finish_and_clear();
    }

    fn log_event_training(&mut self, _event: String) {}
}

impl MetricsRendererTraining for Journal {
    fn update_train(&mut self, _state: MetricState) {}

    fn update_valid(&mut self, _state: MetricState) {}
}

impl MetricsRendererEvaluation for Journal {
    fn update_test(&mut self, _name: EvaluationName, _state: MetricState) {}
}

impl EvaluationProgressLogger for Journal {
    fn start_global_progress(&mut self, _tests: usize) {}

    fn start_test(&mut self, _name: &str, _items: usize) {}

    fn update_test_progress(&mut self, _items: usize) {}

    fn end_test(&mut self) {}

    fn end_global_progress(&mut self) {}

    fn log_event_evaluation(&mut self, _event: String) {}
}

impl MetricsRenderer for Journal {
    fn manual_close(&mut self) {}

    fn register_metric(&mut self, _definition: MetricDefinition) {}
}
