//! `Max`, `Min`: the winner by element.

use netfold_linear::Real;

use super::facts::{BFLOAT16, FLOATS, Facts, NUMBERS};
use super::where_::chosen;
use super::{At, Attributes, Class, Extent, Inputs, Op, Operator, Outlines, Record, broadcast, size};
use crate::affine::{Affine, Constraints, Validity};
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(_: &str) -> Facts {
    Facts::since(1, Class::Select)
        .ints("consumed_inputs", ..6)
        .inputs("data_0", FLOATS.with(NUMBERS, 12).with(BFLOAT16, 13))
}

#[expect(clippy::unnecessary_wraps, reason = "the table asks for it")]
pub(super) fn build(name: &str, _: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(Extreme { max: name == "Max" }))
}

/// y = the largest (`Max`) or smallest (`Min`) of any number of broadcast inputs.
///
/// Frozen: the input that won at the traced point passes, the first one on a tie; where a constant won, its value is
/// the offset.
///
/// Source: ONNX `Max`, `Min`.
#[derive(Clone, Debug)]
struct Extreme {
    max: bool,
}

impl Operator for Extreme {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let shapes = (0..x.len()).map(|i| x.shape(i)).collect::<Result<Vec<_>, _>>()?;
        let shape = broadcast::common(shapes.iter().copied())?;
        let made = size::amount(&shape);
        // Who wins, and the values of constants that do.
        let scratch = broadcast::tables(shapes, &shape, x.width) + made * size_of::<usize>() as f64;
        let kept = x.reals(made) + made / 8.0 * x.len() as f64 + broadcast::repeated(x, 0..x.len(), &shape);
        Ok(Extent::new(x.input(0)?.holds, shape).scratch(scratch).kept(kept))
    }
}

impl Extreme {
    /// Shape of y, and for each of its elements the input that wins.
    fn winners<E: PartialOrd + Copy>(&self, inputs: &[&Tensor<E>]) -> Result<(Tensor<E>, Vec<usize>), OpError> {
        let shape = broadcast::common(inputs.iter().map(|x| x.shape()))?;
        let mut best = broadcast::tensor(inputs[0], &shape).data().to_vec();
        let mut winners = vec![0; best.len()];
        for (i, x) in inputs.iter().enumerate().skip(1) {
            let x = broadcast::tensor(x, &shape);
            for ((best, winner), &value) in best.iter_mut().zip(&mut winners).zip(x.data()) {
                let wins = if self.max { value > *best } else { value < *best };
                let number_lost = is_nan(&value) && !is_nan(best);
                if wins || number_lost {
                    (*best, *winner) = (value, i);
                }
            }
        }
        Ok((Tensor::new(&shape, best), winners))
    }
}

/// Whether a value is not equal to itself. NaN wins over every number, so that it stays NaN.
pub(super) fn is_nan<E: PartialOrd>(value: &E) -> bool {
    value.partial_cmp(value).is_none()
}

/// All inputs as numbers.
fn reals<'a, T: Real>(x: &Inputs<'a, T>) -> Result<Vec<&'a Tensor<T>>, OpError> {
    if x.is_empty() {
        return Err(OpError::new("there is no input"));
    }
    (0..x.len()).map(|i| x.real(i)).collect()
}

impl<T: Real> Op<T> for Extreme {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        if let Some(Value::Int(_)) = x.get(0) {
            let inputs = (0..x.len()).map(|i| x.ints(i)).collect::<Result<Vec<_>, _>>()?;
            return Ok(vec![Value::Int(self.winners(&inputs)?.0)]);
        }
        Ok(vec![Value::Real(self.winners(&reals(x)?)?.0)])
    }

    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        Record::both(self, x, varies)
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (y, winners) = self.winners(&reals(at.inputs)?)?;
        Ok(chosen(at, 0, y.shape(), |element| winners[element])?.valid(Validity::Region))
    }

    fn constraints(&self, at: &At<'_, T>) -> Result<Vec<Constraints<T>>, OpError> {
        let (y, winners) = self.winners(&reals(at.inputs)?)?;
        let shapes = (0..at.inputs.len()).map(|i| at.inputs.shape(i));
        let sources = shapes.map(|x| Ok(broadcast::sources(x?, y.shape()))).collect::<Result<Vec<_>, OpError>>()?;
        let order = |[winner, rival]: [usize; 2]| {
            let [ahead, behind] = if self.max { [winner, rival] } else { [rival, winner] };
            let won = (0..winners.len()).filter(|&element| winners[element] == winner);
            let pair = |element: usize| ([sources[ahead][element], sources[behind][element]], element as u32);
            let (pairs, decides) = won.map(pair).unzip();
            Constraints::Order { inputs: [ahead, behind], pairs, decides }
        };
        let inputs = || 0..at.inputs.len();
        let contests = inputs().flat_map(|winner| inputs().map(move |rival| [winner, rival]));
        let open = contests.filter(|&[winner, rival]| winner != rival && (at.moves(winner) || at.moves(rival)));
        Ok(open.map(order).collect())
    }
}
