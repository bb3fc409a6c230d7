//! The reconstruction: rows of W, b, and the proof that they are the network.

use crate::circuit::{Circuit, Push};
use crate::error::Error;
use crate::ops::Precision;
use crate::progress::{Step, Watch};
use crate::reconstruction::{Request, Strategy};
use crate::value::Tensor;

/// One row of the one-layer model, as it is handed to its consumer.
#[derive(Clone, Copy, Debug)]
pub struct RowRef<'a, T> {
    /// Which of the wanted classes this is.
    pub index: usize,
    /// The class.
    pub class: usize,
    /// w, in the input's standard layout.
    pub weights: &'a [T],
    /// ⟨w, x⟩ + b, summed in double precision.
    pub reconstructed: T,
    /// b: the sum of the stages' shares, added in double precision; with [`Method::Probe`](crate::Method::Probe) what pushing zero gives.
    pub bias: T,
    /// Each stage's share of b; empty for [`Method::Probe`](crate::Method::Probe).
    pub bias_by_stage: &'a [T],
}

impl<T: Precision> RowRef<'_, T> {
    /// w ∘ x: with b they add up to the logit.
    ///
    /// # Panics
    /// If x does not have the row's length.
    pub fn contributions(&self, x: &Tensor<T>) -> Vec<f64> {
        assert_eq!(x.len(), self.weights.len(), "one x for each weight");
        self.weights.iter().zip(x.data()).map(|(w, x)| w.wide() * x.wide()).collect()
    }

    /// w ∘ (x − x₀), and what is left of the logit, ⟨w, x₀⟩ + b.
    ///
    /// # Panics
    /// If the tensors do not have the row's length.
    pub fn contributions_against(&self, reference: &Tensor<T>, x: &Tensor<T>) -> (Vec<f64>, f64) {
        assert!(reference.len() == x.len() && x.len() == self.weights.len(), "one x for each weight");
        let steps = x.data().iter().zip(reference.data()).map(|(x, x0)| x.wide() - x0.wide());
        let contributions = self.weights.iter().zip(steps).map(|(w, step)| w.wide() * step).collect();
        let left: f64 = self.weights.iter().zip(reference.data()).map(|(w, x0)| w.wide() * x0.wide()).sum();
        (contributions, self.bias.wide() + left)
    }
}

/// Both sides of every output of a circuit.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Compared<T> {
    /// f(x).
    pub logits: Vec<T>,
    /// W x + b, from pushing x through the frozen network with its offsets.
    pub pushed: Vec<T>,
    /// b, from pushing 0.
    pub bias: Vec<T>,
}

/// The one-layer model's small parts, and how well it equals the network. The rows themselves are streamed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reconstruction<T> {
    /// The wanted classes.
    pub classes: Vec<usize>,
    /// b for each wanted class, as its row told it.
    pub bias: Vec<T>,
    /// ⟨w, x⟩ + b for each wanted class, from its row.
    pub reconstructed: Vec<T>,
    /// f(x), for all classes.
    pub logits: Vec<T>,
    /// W x + b for all classes, from pushing x.
    pub pushed: Vec<T>,
    /// How W was computed, as [`Strategy`] names it.
    pub method: String,
    /// How many vectors went through the circuit for W.
    pub passes: usize,
    /// max over wanted classes of |b − b from pushing 0| / max|f(x)|; `None` for [`Method::Probe`](crate::Method::Probe).
    pub bias_difference: Option<f64>,
    /// max over all logits of |b| / max|f(x)|.
    pub proportion: f64,
}

impl<T: Precision> Reconstruction<T> {
    /// max over **all** logits of |f(x) − (W x + b)| / max|f(x)|, over the rows and over the pushed values alike.
    pub fn difference(&self) -> f64 {
        let scale = self.scale();
        let pushed = self.logits.iter().zip(&self.pushed).map(|(f, y)| (f.wide() - y.wide()).abs());
        let rows = self.classes.iter().zip(&self.reconstructed).map(|(&c, y)| (self.logits[c].wide() - y.wide()).abs());
        // NaN must not pass for small.
        pushed.chain(rows).fold(0.0, |worst, d| if d.is_nan() || d > worst { d } else { worst }) / scale
    }

    /// W x + b for all classes: ⟨w, x⟩ + b of its row where that was wanted, else from pushing x.
    pub fn one_layer(&self) -> Vec<T> {
        let mut all = self.pushed.clone();
        self.classes.iter().zip(&self.reconstructed).for_each(|(&class, &y)| all[class] = y);
        all
    }

    /// The class with the largest logit: of the network, and of the one-layer model.
    pub fn argmax(&self) -> (usize, usize) {
        (argmax(&self.logits), argmax(&self.pushed))
    }

    fn scale(&self) -> f64 {
        let largest = self.logits.iter().map(|f| f.wide().abs()).fold(0.0, f64::max);
        if largest > 0.0 { largest } else { 1.0 }
    }
}

/// The index of the largest value, the first of equals.
pub fn argmax<T: Precision>(values: &[T]) -> usize {
    (0..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

/// The `n` classes with the largest logits, largest first; equals in order of their index.
pub fn top<T: Precision>(logits: &[T], n: usize) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..logits.len()).collect();
    classes.sort_by(|&a, &b| logits[b].wide().total_cmp(&logits[a].wide()).then(a.cmp(&b)));
    classes.truncate(n);
    classes
}

impl<T: Precision> Circuit<T> {
    /// f(x) beside W x + b, and b, for every output: two passes, no row of W.
    ///
    /// x is pushed with the offsets on the way: every tensor is as large as it is in the network. W x and b alone can be
    /// hundreds of times larger than their sum, and pushed each by itself they would bring their own rounding errors.
    ///
    /// # Panics
    /// If `x` and `logits` are not of the circuit's shapes.
    pub fn compare(&self, x: &Tensor<T>, logits: &Tensor<T>) -> Compared<T> {
        assert_eq!((x.shape(), logits.shape()), (self.input_shape(), self.output_shape()), "shapes of the circuit");
        let bias = self.bias();
        let pushed = self.push(x.probe(), Push::Affine).into_values();
        Compared { logits: logits.data().to_vec(), pushed, bias }
    }

    /// Computes the wanted rows of W block by block and hands each to `each`; memory does not grow with their number
    /// (with [`Method::Probe`](crate::Method::Probe) and another basis than unit vectors it does: columns come first there).
    ///
    /// Rows bring their b along: with a the adjoint of the logit at a stage's tensor and c the stage's offset,
    /// b = Σ ⟨a, c⟩ over the stages. W comes from the same rounded a, so that an error δ of a adds ⟨δ, z⟩ to W x + b,
    /// where z is the tensor's whole value: as much as a rounding of the forward pass, however large W x and b are.
    ///
    /// `watch` is told after each block.
    ///
    /// # Errors
    /// What `each` returns, [`Error::Memory`] if the budget has too little left for the rows that travel together, and
    /// [`Error::Stopped`] where `watch` says so.
    ///
    /// # Panics
    /// If `x` and `logits` are not of the circuit's shapes, or a class is not below the number of logits.
    pub fn reconstruct<E: From<Error>>(
        &self,
        x: &Tensor<T>,
        logits: &Tensor<T>,
        request: &Request,
        watch: &Watch,
        each: &mut dyn FnMut(&RowRef<'_, T>) -> Result<(), E>,
    ) -> Result<Reconstruction<T>, E> {
        self.reconstruct_compared(x, self.compare(x, logits), request, watch, each)
    }

    /// As [`reconstruct`](Self::reconstruct), where both sides were compared before.
    ///
    /// # Errors
    /// As [`reconstruct`](Self::reconstruct).
    ///
    /// # Panics
    /// If a class is not below the number of logits.
    pub fn reconstruct_compared<E: From<Error>>(
        &self,
        x: &Tensor<T>,
        compared: Compared<T>,
        request: &Request,
        watch: &Watch,
        each: &mut dyn FnMut(&RowRef<'_, T>) -> Result<(), E>,
    ) -> Result<Reconstruction<T>, E> {
        let Compared { logits, pushed, bias: pushed_zero } = compared;
        let road = self.strategy(request);
        let largest = |values: &[T]| values.iter().map(|value| value.wide().abs()).fold(0.0, f64::max);
        let _held = self.ask_for(&road, request)?;
        let mut result = Reconstruction {
            classes: request.classes.clone(),
            bias: Vec::new(),
            reconstructed: Vec::new(),
            logits,
            pushed,
            method: road.to_string(),
            passes: 0,
            bias_difference: None,
            proportion: 0.0,
        };
        result.proportion = largest(&pushed_zero) / result.scale();
        let mut hand = |result: &mut Reconstruction<T>, index: usize, weights: &[T], bias_by_stage: &[T]| {
            let class = result.classes[index];
            let mut bias = pushed_zero[class];
            if !bias_by_stage.is_empty() {
                let sum = T::of(bias_by_stage.iter().map(|share| share.wide()).sum());
                let difference = (sum - bias).wide().abs() / result.scale();
                result.bias_difference = Some(result.bias_difference.unwrap_or(0.0).max(difference));
                bias = sum;
            }
            let dot: f64 = weights.iter().zip(x.data()).map(|(w, x)| w.wide() * x.wide()).sum();
            let reconstructed = T::of(dot + bias.wide());
            result.bias.push(bias);
            result.reconstructed.push(reconstructed);
            each(&RowRef { index, class, weights, reconstructed, bias, bias_by_stage })
        };
        match road {
            Strategy::Rows(plan) => {
                result.passes = request.classes.len();
                self.rows(&plan, |block| -> Result<(), E> {
                    let rows = block.weights.chunks_exact(x.len().max(1));
                    let done = block.first + rows.len();
                    for (row, weights) in rows.enumerate() {
                        let shares: Vec<T> = block.bias.iter().map(|stage| stage[row]).collect();
                        hand(&mut result, block.first + row, weights, &shares)?;
                    }
                    Ok(watch.tell(Step::Rows, done, request.classes.len())?)
                })?;
            }
            Strategy::Columns(plan) => {
                result.passes = plan.pushes();
                let mut weights = vec![T::zero(); x.len()];
                self.columns(&plan, watch, |gathered| -> Result<(), E> {
                    for index in 0..gathered.count() {
                        weights.fill(T::zero());
                        gathered.add_to(index, &mut weights);
                        hand(&mut result, gathered.first + index, &weights, &[])?;
                    }
                    Ok(())
                })?;
            }
            Strategy::Basis(basis) => {
                result.passes = x.len();
                let all = self.columns_by(basis, &request.classes, request.together, watch)?;
                for (index, row) in all.chunks(x.len().max(1)).enumerate() {
                    hand(&mut result, index, row, &[])?;
                }
            }
        }
        Ok(result)
    }
}
