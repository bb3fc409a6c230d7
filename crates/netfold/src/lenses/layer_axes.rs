//! What the axes of a feature map are, as people say it.

use std::str::FromStr;

use crate::lenses::Places;

/// The meaning of each axis of a feature map: `N,C,H,W`, `N,H,W,C`, `N,T=1+14x14,C`.
///
/// | word | axis |
/// | --- | --- |
/// | `N` | the batch, of one |
/// | `C` | channels; several axes may be |
/// | `D`, `H`, `W` | places along depth, height and width |
/// | `L` | places along a signal |
/// | `T` | places row by row: tokens |
///
/// `T=14x14` says how many rows and columns the tokens are, `T=1+14x14` that one class token stands before them,
/// `T=14x14+1` behind. Without it they have the proportions of the input.
///
/// ```
/// use netfold::lenses::LayerAxes;
///
/// let axes: LayerAxes = "N,T=1+2x3,C".parse()?;
/// assert_eq!(axes.places(&[1, 7, 16], &[32, 48])?.grid, [2, 3]);
/// assert!("N,Q".parse::<LayerAxes>().is_err() && axes.places(&[1, 6, 16], &[32, 48]).is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerAxes(Vec<Axis>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Axis {
    Batch,
    Channel,
    /// Places along this axis of the grid: depth, height, width, or the one of a signal.
    Place(Along),
    Tokens(Option<Tokens>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Along {
    Depth,
    Height,
    Width,
    Length,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Tokens {
    before: usize,
    grid: Vec<usize>,
    after: usize,
}

impl FromStr for LayerAxes {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let axes: Vec<Axis> = word.split(',').map(|word| axis(word.trim())).collect::<Result<_, _>>()?;
        let count = |wanted: &dyn Fn(&Axis) -> bool| axes.iter().filter(|axis| wanted(axis)).count();
        let tokens = count(&|axis| matches!(axis, Axis::Tokens(_)));
        let along = |axis: &Axis| if let Axis::Place(along) = axis { Some(*along) } else { None };
        let mut places: Vec<Along> = axes.iter().filter_map(along).collect();
        let many = places.len();
        places.sort_unstable();
        places.dedup();
        if places.len() < many || count(&|axis| *axis == Axis::Batch) > 1 {
            return Err("an axis other than C is named twice".into());
        }
        match (tokens, many) {
            (0, 0) => Err("no axis is one of places: D, H, W, L or T".into()),
            (0, _) | (1, 0) => Ok(Self(axes)),
            _ => Err("tokens (T) stand for all places: D, H, W and L are axes of their own".into()),
        }
    }
}

fn axis(word: &str) -> Result<Axis, String> {
    Ok(match word.to_ascii_uppercase().as_str() {
        "N" => Axis::Batch,
        "C" => Axis::Channel,
        "D" => Axis::Place(Along::Depth),
        "H" => Axis::Place(Along::Height),
        "W" => Axis::Place(Along::Width),
        "L" => Axis::Place(Along::Length),
        "T" => Axis::Tokens(None),
        other => match other.strip_prefix("T=") {
            Some(tokens) => Axis::Tokens(Some(tokens_of(tokens).ok_or_else(|| {
                format!(
                    "`{word}` should be as T=14x14, T=1+14x14 with a class token before, or T=14x14+1 with one behind"
                )
            })?)),
            None => return Err(format!("`{word}` is none of N, C, D, H, W, L, T")),
        },
    })
}

fn tokens_of(word: &str) -> Option<Tokens> {
    let number = |word: &str| word.trim().parse::<usize>().ok();
    let grid = |word: &str| {
        let grid = word.split('X').map(number).collect::<Option<Vec<usize>>>()?;
        (!grid.contains(&0)).then_some(grid)
    };
    let parts: Vec<&str> = word.split('+').collect();
    Some(match *parts.as_slice() {
        [all] => Tokens { before: 0, grid: grid(all)?, after: 0 },
        [first, last] if first.contains('X') => Tokens { before: 0, grid: grid(first)?, after: number(last)? },
        [first, last] => Tokens { before: number(first)?, grid: grid(last)?, after: 0 },
        [first, middle, last] => Tokens { before: number(first)?, grid: grid(middle)?, after: number(last)? },
        _ => return None,
    })
}

impl LayerAxes {
    /// The places of a feature map of this shape, in an input whose places are `input`.
    ///
    /// # Errors
    /// In words, if the axes are not those of the shape.
    pub fn places(&self, shape: &[usize], input: &[usize]) -> Result<Places, String> {
        if self.0.len() != shape.len() {
            return Err(format!("`--layer-axes` names {} axes, its shape {shape:?} has {}", self.0.len(), shape.len()));
        }
        let mut along: Vec<(Along, usize)> = Vec::new();
        for (index, (axis, &size)) in self.0.iter().zip(shape).enumerate() {
            match axis {
                Axis::Batch if size != 1 => return Err(format!("axis {index} is no batch of one: its size is {size}")),
                Axis::Batch | Axis::Channel => {}
                Axis::Place(place) => along.push((*place, index)),
                Axis::Tokens(told) => {
                    let Tokens { before, grid, after } = match told {
                        Some(told) => told.clone(),
                        None => Tokens { before: 0, grid: proportions(size, input)?, after: 0 },
                    };
                    let count = grid.iter().try_fold(1_usize, |count, &size| count.checked_mul(size));
                    let all = count.and_then(|count| count.checked_add(before)?.checked_add(after));
                    if all != Some(size) {
                        let (grid, sum) = (times(&grid), all.map_or("more".into(), |all| all.to_string()));
                        return Err(format!("{before} + {grid} + {after} tokens are {sum}, axis {index} has {size}"));
                    }
                    let last = (size - after) as i64;
                    let label = |i: i64| if (before as i64..last).contains(&i) { i - before as i64 + 1 } else { 0 };
                    let mut lists = vec![None; shape.len()];
                    lists[index] = Some((0..size as i64).map(label).collect());
                    return Ok(Places::along(shape, &lists, &grid));
                }
            }
        }
        along.sort_unstable();
        Ok(Places::product(shape, &along.into_iter().map(|(_, axis)| Some(axis)).collect::<Vec<_>>()))
    }
}

fn times(grid: &[usize]) -> String {
    grid.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}

/// Rows and columns of so many tokens, in the proportions of the input.
fn proportions(tokens: usize, input: &[usize]) -> Result<Vec<usize>, String> {
    let told =
        || format!("{tokens} tokens have not the proportions of an input of {input:?}: T=1+14x14 says their grid");
    match *input {
        [_] => Ok(vec![tokens]),
        [height, width] => {
            let rows = (1..=tokens).find(|rows| rows * rows * width >= tokens * height).unwrap_or(1);
            let fits = tokens.is_multiple_of(rows) && rows * width == tokens / rows * height;
            if fits { Ok(vec![rows, tokens / rows]) } else { Err(told()) }
        }
        _ => Err(told()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_axes() {
        let places = |word: &str, shape: &[usize], input: &[usize]| word.parse::<LayerAxes>()?.places(shape, input);
        let last = places("N,H,W,C", &[1, 2, 3, 4], &[8, 8]).unwrap();
        assert_eq!(last, Places::product(&[1, 2, 3, 4], &[Some(1), Some(2)]));
        let turned = places("n,w,h", &[1, 3, 2], &[8, 8]).unwrap();
        assert_eq!(turned.by_channel(&[1, 3, 2]).unwrap().elements, [0, 2, 4, 1, 3, 5]);
        let tokens = places("N,T,C", &[1, 30, 9], &[20, 24]).unwrap();
        assert_eq!(tokens.grid, [5, 6]);
        let between = places("N,T=1+2x2+2,C", &[1, 7, 1], &[8, 8]).unwrap().by_channel(&[1, 7, 1]).unwrap();
        assert_eq!((between.elements, between.others), (vec![1, 2, 3, 4], vec![0, 5, 6]));
        assert_eq!(places("N,C,L", &[1, 2, 5], &[40]).unwrap().grid, [5]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let places = |word: &str, shape: &[usize]| word.parse::<LayerAxes>()?.places(shape, &[20, 24]);
        for (word, shape) in [
            ("N,C", vec![1, 3]),
            ("N,C,H,H", vec![1, 3, 2, 2]),
            ("N,T,H", vec![1, 3, 2]),
            ("N,T=0x3,C", vec![1, 3, 2]),
            ("N,T=axb,C", vec![1, 3, 2]),
            ("N,C,H,W", vec![1, 3, 2]),
            ("N,C,H,W", vec![2, 3, 2, 2]),
            ("N,T,C", vec![1, 31, 9]),
            ("N,T=1+5x6,C", vec![1, 30, 9]),
            ("N,T=99999999999x99999999999,C", vec![1, 30, 9]),
        ] {
            assert!(places(word, &shape).is_err(), "{word} of {shape:?}");
        }
    }
}
