//! Training: burn's own loop over batches and epochs, with what this experiment asks of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataloader::{DataLoader, DataLoaderBuilder};
use burn::data::dataset::InMemDataset;
use burn::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::module::Module;
use burn::optim::AdamWConfig;
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn::train::logger::InMemoryMetricLogger;
use burn::train::metric::store::{Aggregate, Direction, Split};
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{Learner, MetricEarlyStoppingStrategy, StoppingCondition, SupervisedTraining};

use crate::dataset::Picture;
use crate::error::{Error, Result};
use crate::export;
use crate::geometry::Aircraft;
use crate::journal::{Forget, Journal};
use crate::network::{Batch, Network, NetworkConfig};

/// Every so many images, one is kept aside for validation.
const VALIDATION_STRIDE: usize = 8;
/// Images in one step outside training.
const EVALUATION_BATCH: usize = 128;

/// How to train.
#[derive(Debug, Clone)]
pub struct Plan {
    /// At most so many epochs.
    pub epochs: usize,
    /// Stop when the validation loss has not fallen for so many epochs.
    pub patience: usize,
    /// Images in one step.
    pub batch: usize,
    /// Step size of the optimizer (`AdamW`) at the start; it falls to a hundredth along a cosine.
    pub learning_rate: f64,
    /// Seed of weights, order and dropout.
    pub seed: u64,
}

/// A trained network and how it came to be.
pub struct Training {
    /// With the weights of the best epoch, outside training.
    pub network: Network,
    /// The epoch of those weights.
    pub best: usize,
    /// Numbers and weights of every epoch.
    pub journal: Journal,
    /// How long it took.
    pub seconds: f64,
}

/// Trains a network on the pictures; one in eight is kept aside to choose the epoch by.
pub fn train(pictures: &[Picture], plan: &Plan) -> Result<Training> {
    let begun = Instant::now();
    let device = Device::flex().autodiff();
    device.seed(plan.seed);
    let config = NetworkConfig::new(pictures.first().map_or(0, |picture| picture.label.size));
    let network = config.init(&device);
    let journal = Journal::new(plan.epochs);
    journal.keep(0, network.clone().into_record());

    let (validation, training): (Vec<_>, Vec<_>) =
        pictures.iter().enumerate().partition(|(index, _)| index % VALIDATION_STRIDE == VALIDATION_STRIDE / 2);
    let steps = plan.epochs * training.len().div_ceil(plan.batch);
    let schedule = CosineAnnealingLrSchedulerConfig::new(plan.learning_rate, steps)
        .with_min_lr(plan.learning_rate / 100.0)
        .init()
        .map_err(|cause| Error::Input(format!("learning rate: {cause}")))?;
    let stopping = MetricEarlyStoppingStrategy::new(
        &LossMetric::new(),
        Aggregate::Mean,
        Direction::Lowest,
        Split::Valid,
        StoppingCondition::NoImprovementSince { n_epochs: plan.patience },
    );

    // Nothing goes to disk: metrics and weights stay in memory, and the folder that burn asks for is never made.
    let result = SupervisedTraining::new(
        Path::new("."),
        loader(training, plan.batch, Some(plan.seed)),
        loader(validation, EVALUATION_BATCH, None),
    )
    .metrics((LossMetric::new(), AccuracyMetric::new()))
    .with_metric_logger(InMemoryMetricLogger::default())
    .with_application_logger(None)
    .with_custom_checkpointers(journal.clone(), Forget, Forget)
    .with_checkpointing_strategy(journal.clone())
    .early_stopping(stopping)
    .renderer(Box::new(journal.clone()))
    .num_epochs(plan.epochs)
    .launch(Learner::new(network, AdamWConfig::new().init(), schedule));
    if let Some(error) = result.error {
        return Err(Error::Failed(format!("training stopped: {error}")));
    }

    let missing = || Error::Failed("training left no weights".to_owned());
    let best = journal.best().ok_or_else(missing)?;
    let network = journal.network(best, &config).ok_or_else(missing)?;
    Ok(Training { network, best, journal, seconds: begun.elapsed().as_secs_f64() })
}

impl Journal {
    /// The network with the weights after an epoch, outside training.
    pub fn network(&self, epoch: usize, config: &NetworkConfig) -> Option<Network> {
        let weights = self.weights(epoch)?;
        config.init(&Device::flex()).try_load_record(weights).ok()
    }
}

/// The logits of each picture.
pub fn logits(network: &Network, pictures: &[Picture]) -> Vec<[f32; 2]> {
    let device = Device::flex();
    let mut rows = Vec::with_capacity(pictures.len());
    for some in pictures.chunks(EVALUATION_BATCH) {
        let values: Vec<f32> = network
            .forward(images(some.iter().map(|p| p.grey.as_slice()), network.size, &device))
            .to_data()
            .iter()
            .collect();
        rows.extend(values.chunks_exact(Aircraft::ALL.len()).map(|row| [row[0], row[1]]));
    }
    rows
}

/// The share of pictures whose greater logit is their aircraft's.
pub fn accuracy(network: &Network, pictures: &[Picture]) -> f64 {
    let rows = logits(network, pictures);
    let right = rows.iter().zip(pictures).filter(|(row, p)| row[p.label.label] > row[1 - p.label.label]).count();
    right as f64 / pictures.len() as f64
}

/// `count` epochs from the untrained network (0) to `last`, evenly spaced; fewer if there are not as many.
pub fn spaced(count: usize, last: usize) -> Vec<usize> {
    let count = count.min(last + 1);
    (0..count).map(|i| if count < 2 { 0 } else { (i * last + (count - 1) / 2) / (count - 1) }).collect()
}

/// (images, 1, S, S): grey levels over 255.
fn images<'a>(pictures: impl ExactSizeIterator<Item = &'a [u8]>, size: usize, device: &Device) -> Tensor<4> {
    let shape = [pictures.len(), 1, size, size];
    let levels: Vec<f32> = pictures.flatten().map(|&level| f32::from(level) / 255.0).collect();
    Tensor::from_data(TensorData::new(levels, shape), device)
}

#[derive(Debug, Clone)]
struct Item {
    grey: Arc<[u8]>,
    label: usize,
    size: usize,
}

struct ToTensors;

impl Batcher<Item, Batch> for ToTensors {
    fn batch(&self, items: Vec<Item>, device: &Device) -> Batch {
        let size = items.first().map_or(0, |item| item.size);
        let targets: Vec<i64> = items.iter().map(|item| item.label as i64).collect();
        Batch {
            images: images(items.iter().map(|item| &*item.grey), size, device),
            targets: Tensor::<1, Int>::from_data(TensorData::from(targets.as_slice()), device),
        }
    }
}

fn loader(pictures: Vec<(usize, &Picture)>, batch: usize, shuffle: Option<u64>) -> Arc<dyn DataLoader<Batch>> {
    let items = pictures.into_iter().map(|(_, picture)| Item {
        grey: picture.grey.as_slice().into(),
        label: picture.label.label,
        size: picture.label.size,
    });
    let builder = DataLoaderBuilder::new(ToTensors).batch_size(batch);
    let builder = match shuffle {
        Some(seed) => builder.shuffle(seed),
        None => builder,
    };
    builder.build(InMemDataset::new(items.collect()))
}

/// Writes `aircraft.onnx`, `labels.txt` and `training.csv`, and the checkpoints if any, into the folder.
pub fn write(training: &Training, checkpoints: usize, folder: &Path) -> Result<()> {
    let failed = |name: &str, cause: &dyn std::fmt::Display| Error::Failed(format!("cannot write {name}: {cause}"));
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).map_err(|cause| failed(name, &cause));
    put("aircraft.onnx", &export::onnx(&training.network)?)?;
    let labels = Aircraft::ALL.map(Aircraft::name).join("\n") + "\n";
    put("labels.txt", labels.as_bytes())?;

    let mut table = csv::Writer::from_writer(Vec::new());
    let epochs = training.journal.epochs();
    for epoch in &epochs {
        table.serialize(epoch).map_err(|cause| failed("training.csv", &cause))?;
    }
    put("training.csv", &table.into_inner().map_err(|cause| failed("training.csv", &cause))?)?;

    let config = NetworkConfig::new(training.network.size);
    for epoch in spaced(checkpoints, epochs.len()) {
        if let Some(network) = training.journal.network(epoch, &config) {
            put(&format!("epoch-{epoch:03}.onnx"), &export::onnx(&network)?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_spread_from_the_untrained_network_to_the_last_epoch() {
        assert_eq!(spaced(0, 8), [0; 0]);
        assert_eq!(spaced(1, 8), [0]);
        assert_eq!(spaced(2, 8), [0, 8]);
        assert_eq!(spaced(5, 8), [0, 2, 4, 6, 8]);
        assert_eq!(spaced(4, 10), [0, 3, 7, 10]);
        assert_eq!(spaced(100, 3), [0, 1, 2, 3]);
    }
}
