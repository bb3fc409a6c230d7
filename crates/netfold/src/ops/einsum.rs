//! `Einsum`.

use std::sync::Arc;

use netfold_linear::{Broadcast, Chain, MatMul, Real, Select, SharedMap, Side};

use super::facts::{BFLOAT16, Facts, NUMBERS};
use super::movement::{strides, walk};
use super::{At, Attributes, Class, Extent, Holds, Inputs, Op, Operator, Outlines, size};
use crate::affine::{Affine, Rule, Validity};
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(_: &str) -> Facts {
    Facts::since(12, Class::Contraction)
        .string("equation", ..)
        .required("equation", ..)
        .inputs("Inputs", NUMBERS.with(BFLOAT16, 28))
}

pub(super) fn build(_: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let equation = attributes.string("equation")?.ok_or_else(|| OpError::new("attribute `equation` is missing"))?;
    let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (inputs, output) = match equation.split_once("->") {
        Some((inputs, output)) => (inputs.to_owned(), Some(output.to_owned())),
        None => (equation.clone(), None),
    };
    let inputs: Vec<String> = inputs.split(',').map(str::to_owned).collect();
    let known = |term: &str| term.replacen("...", "", 1).chars().all(|c| c.is_ascii_alphabetic());
    if inputs.len() > 2 {
        return Err(OpError::new(format!("`{equation}` has {} factors; one or two are supported", inputs.len())));
    }
    if !inputs.iter().chain(&output).all(|term| known(term)) {
        return Err(OpError::new(format!("equation `{equation}` is not known")));
    }
    Ok(Box::new(Einsum { inputs, output }))
}

/// `y[o…]` = Σ over the letters that o does not name of `a[…] · b[…]`, each factor indexed by its letters.
///
/// Frozen: linear in the factor that varies. Of two, exact at the traced a₀, b₀ and y₀ only:
/// - `tangent`: a b ≈ a b₀ + a₀ b − y₀;
/// - `gate` and `half`: split evenly, a b ≈ (a b₀ + a₀ b) / 2.
///
/// Source: ONNX `Einsum`.
#[derive(Clone, Debug)]
struct Einsum {
    inputs: Vec<String>,
    output: Option<String>,
}

impl Operator for Einsum {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let meaning = self.meaning(&(0..x.len()).map(|i| x.shape(i)).collect::<Result<Vec<_>, _>>()?)?;
        let sizes: Vec<usize> = meaning.sizes.iter().map(|entry| entry.1).collect();
        let [first, second] = [0, 1].map(|i| meaning.tables(i, x.width));
        let shape = meaning.shape(&meaning.output);
        // Another form of either factor, and their product.
        let frozen = first + second + x.reals(x.count(0) + x.count(1));
        Ok(Extent::new(Holds::Reals, shape).scratch(first).frozen(frozen).mul_adds(size::amount(&sizes)))
    }
}

/// An axis: a letter, or the place before the last axis of an ellipsis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Ellipsis(usize),
    Letter(char),
}

/// The labels of a term over `rank` axes.
fn labels(term: &str, rank: usize) -> Result<Vec<Label>, OpError> {
    let Some((before, behind)) = term.split_once("...") else {
        return Ok(term.chars().map(Label::Letter).collect());
    };
    let letters = before.len() + behind.len();
    let refuse = || OpError::new(format!("`{term}` for a tensor with {rank} axes"));
    let hidden = (0..rank.checked_sub(letters).ok_or_else(refuse)?).rev().map(Label::Ellipsis);
    Ok(before.chars().map(Label::Letter).chain(hidden).chain(behind.chars().map(Label::Letter)).collect())
}

/// What an equation means for inputs of certain shapes.
struct Meaning {
    /// Each label of an input or of the output, and its size.
    sizes: Vec<(Label, usize)>,
    /// For each input the step that each label takes in it; zero where it does not have the label.
    steps: Vec<Vec<usize>>,
    has: Vec<Vec<bool>>,
    output: Vec<usize>,
}

impl Einsum {
    fn meaning(&self, shapes: &[&[usize]]) -> Result<Meaning, OpError> {
        if shapes.len() != self.inputs.len() {
            return Err(OpError::new(format!("{} inputs for {} factors", shapes.len(), self.inputs.len())));
        }
        let mut sizes: Vec<(Label, usize)> = Vec::new();
        let mut terms = Vec::new();
        for (term, shape) in self.inputs.iter().zip(shapes) {
            let labels = labels(term, shape.len())?;
            if labels.len() != shape.len() {
                return Err(OpError::new(format!("`{term}` for a tensor of shape {shape:?}")));
            }
            for (&label, &size) in labels.iter().zip(*shape) {
                match sizes.iter_mut().find(|entry| entry.0 == label) {
                    None => sizes.push((label, size)),
                    Some((_, known)) if *known == size || size == 1 => {}
                    Some((_, known)) if *known == 1 => *known = size,
                    Some((_, known)) => {
                        return Err(OpError::new(format!(
                            "an axis of `{term}` has {size} places, and {known} elsewhere"
                        )));
                    }
                }
            }
            terms.push(labels);
        }
        let at = |label: &Label| sizes.iter().position(|entry| entry.0 == *label);
        let hidden = sizes.iter().filter(|entry| matches!(entry.0, Label::Ellipsis(_))).count();
        let named: Vec<Label> = match &self.output {
            Some(term) => labels(term, hidden + term.replace("...", "").len())?,
            // Those that stand once, by the alphabet.
            None => {
                let once = |label: &Label| terms.iter().flatten().filter(|other| *other == label).count() == 1;
                let mut letters: Vec<Label> = sizes.iter().map(|entry| entry.0).collect();
                letters.retain(|label| matches!(label, Label::Ellipsis(_)) || once(label));
                letters.sort_by_key(|label| match label {
                    Label::Ellipsis(i) => (0, usize::MAX - i),
                    Label::Letter(c) => (1, *c as usize),
                });
                letters
            }
        };
        let missing = || OpError::new("the output names an axis that no factor has, or one twice");
        let output: Vec<usize> =
            named.iter().map(|label| at(label).ok_or_else(missing)).collect::<Result<_, OpError>>()?;
        if (1..output.len()).any(|i| output[..i].contains(&output[i])) {
            return Err(missing());
        }
        size::count(&output.iter().map(|&label| sizes[label].1).collect::<Vec<_>>())?;
        let (mut steps, mut has) = (Vec::new(), Vec::new());
        for (labels, shape) in terms.iter().zip(shapes) {
            let (mut own, mut here) = (vec![0; sizes.len()], vec![false; sizes.len()]);
            for ((label, &size), step) in labels.iter().zip(*shape).zip(strides(shape)) {
                if let Some(i) = at(label) {
                    here[i] = true;
                    own[i] += if size == 1 { 0 } else { step };
                }
            }
            steps.push(own);
            has.push(here);
        }
        Ok(Meaning { sizes, steps, has, output })
    }
}

impl Meaning {
    fn shape(&self, of: &[usize]) -> Vec<usize> {
        of.iter().map(|&label| self.sizes[label].1).collect()
    }

    /// Bytes that [`map`](Self::map) of input `i` takes and applying it: the indices of what is turned, the factor, and y
    /// in the product's order.
    fn tables(&self, i: usize, width: usize) -> f64 {
        let has = |input: usize, label: usize| self.has.get(input).is_some_and(|labels| labels[label]);
        let kept = |label: usize| self.output.contains(&label);
        let amount = |wanted: &dyn Fn(usize) -> bool| {
            size::amount(&self.shape(&(0..self.sizes.len()).filter(|&label| wanted(label)).collect::<Vec<_>>()))
        };
        let (index, width) = (2.0 * size_of::<u32>() as f64, width as f64);
        let turned = amount(&|label| has(i, label));
        let factor = amount(&|label| !(kept(label) && has(i, label)) || has(1 - i, label));
        turned * (index + width) + factor * (index + width) + amount(&kept) * (index + width)
    }

    /// y as a map of input `i`, the other factor being `constant`.
    ///
    /// As a product of matrices: labels of both inputs and the output number the matrices, what is summed over or stands
    /// in one of them only are their rows and columns.
    fn map<T: Real>(&self, i: usize, domain: &[usize], constant: &Tensor<T>) -> SharedMap<T> {
        let other = 1 - i;
        let has = |input: usize, label: usize| self.has.get(input).is_some_and(|labels| labels[label]);
        let kept = |label: &usize| self.output.contains(label);
        let all = || 0..self.sizes.len();
        let batch: Vec<usize> = all().filter(|l| kept(l) && has(i, *l) && has(other, *l)).collect();
        let inner: Vec<usize> = all().filter(|l| !kept(l) && has(i, *l)).collect();
        let rows: Vec<usize> = all().filter(|l| kept(l) && !has(i, *l)).collect();
        let columns: Vec<usize> = all().filter(|l| kept(l) && has(i, *l) && !has(other, *l)).collect();
        // Of the other factor alone: summed beforehand.
        let beforehand: Vec<usize> = all().filter(|l| !kept(l) && !has(i, *l)).collect();
        let count = |labels: &[usize]| self.shape(labels).iter().product::<usize>();
        let [batches, k, m, n] = [&batch, &inner, &rows, &columns].map(|labels| count(labels));
        let steps = |input: usize, labels: &[usize]| -> Vec<usize> {
            labels.iter().map(|&label| self.steps.get(input).map_or(0, |steps| steps[label])).collect()
        };
        let own = [batch.clone(), inner.clone(), columns.clone()].concat();
        let turn = Select::new(domain, &[batches, k, n], walk(0, &self.shape(&own), &steps(i, &own)));
        let of_constant = [batch.clone(), rows.clone(), inner, beforehand.clone()].concat();
        let run = count(&beforehand).max(1);
        let elements = walk(0, &self.shape(&of_constant), &steps(other, &of_constant));
        let factor = elements.chunks(run).map(|run| run.iter().map(|&e| constant.data()[e as usize]).sum()).collect();
        let pairs = (0..batches).map(|b| (b, b)).collect();
        let product = MatMul::new(Side::Lhs, Arc::new(factor), [m, k, n], &[batches, k, n], &[batches, m, n], pairs);
        // From the product's order of labels to that of the output.
        let made = [batch, rows, columns].concat();
        let made_steps = strides(&self.shape(&made));
        let at = |label: &usize| made.iter().position(|other| other == label).map_or(0, |axis| made_steps[axis]);
        let order: Vec<usize> = self.output.iter().map(at).collect();
        let to = self.shape(&self.output);
        let back = Select::new(&[batches, m, n], &to, walk(0, &to, &order));
        Arc::new(Chain::new(Arc::new(Chain::new(Arc::new(turn), Arc::new(product))), Arc::new(back)))
    }
}

impl<T: Real> Op<T> for Einsum {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let varies: Vec<bool> = (0..x.len()).map(|i| i == 0).collect();
        let at = At { inputs: x, outputs: &[], varies: &varies, output: 0, rule: Rule::Gate, still: None };
        Ok(vec![Value::Real(self.freeze(&at)?.apply(&[Some(x.real(0)?)]))])
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let x = (0..at.inputs.len()).map(|i| at.inputs.real(i)).collect::<Result<Vec<_>, _>>()?;
        let meaning = self.meaning(&x.iter().map(|x| x.shape()).collect::<Vec<_>>())?;
        let shape = meaning.shape(&meaning.output);
        if meaning.sizes.iter().any(|entry| entry.1 == 0) {
            return Err(OpError::new("there is nothing to sum: a size is zero"));
        }
        let varies = |i: usize| at.varies.get(i) == Some(&true);
        let both = varies(0) && varies(1);
        let half = both && at.rule != Rule::Tangent;
        let other = |i: usize| match x.get(1 - i) {
            None => Tensor::scalar(T::one()),
            Some(other) if half => other.map(|&value| value * T::of(0.5)),
            Some(other) => (*other).clone(),
        };
        let term = |i: usize| varies(i).then(|| meaning.map(i, x[i].shape(), &other(i)));
        let affine = Affine::sum(&shape, (0..x.len()).map(term).collect());
        if !both {
            return Ok(affine);
        }
        let affine = affine.valid(Validity::Input);
        if half {
            return Ok(affine);
        }
        let y = Affine::sum(&shape, vec![Some(meaning.map(0, x[0].shape(), x[1]))]).apply(&[Some(x[0])]);
        Ok(affine.plus(Broadcast::full(&shape, y.data().iter().map(|&y| -y).collect())))
    }
}
