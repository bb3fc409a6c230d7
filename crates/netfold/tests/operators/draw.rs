//! Random values and attributes, hostile ones among them.

use netfold::{Tensor, Value};
use netfold_onnx::Attribute;

/// Numbers that are the same in every run.
pub struct Draw(pub u64);

impl Draw {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    pub fn of<E: Copy>(&mut self, list: &[E]) -> E {
        list[self.below(list.len())]
    }

    /// Mostly what makes sense somewhere, now and then what does nowhere.
    pub fn int(&mut self) -> i64 {
        if self.below(8) == 0 {
            return self.of(&[i64::MIN, i64::MIN + 1, -(1 << 40), -7, 9, 1 << 31, 1 << 33, 1 << 40, i64::MAX]);
        }
        self.of(&[-2, -1, 0, 0, 1, 1, 2, 2, 3, 4])
    }

    pub fn ints(&mut self) -> Vec<i64> {
        (0..self.of(&[0, 1, 1, 2, 2, 3, 4, 4, 8])).map(|_| self.int()).collect()
    }

    pub fn float(&mut self) -> f64 {
        self.of(&[0.0, 1.0, -1.0, 0.5, -2.5, 3.0, f64::MAX, f64::INFINITY, f64::NAN])
    }

    pub fn shape(&mut self) -> Vec<usize> {
        let rank = self.of(&[0, 1, 1, 2, 2, 3, 4, 4, 5]);
        (0..rank).map(|_| self.of(&[0, 1, 1, 2, 2, 3, 4])).collect()
    }

    pub fn value(&mut self, kind: usize) -> Value<f64> {
        let shape =
            if (5..7).contains(&kind) && self.below(4) > 0 { vec![self.of(&[0, 1, 2, 3, 4, 8])] } else { self.shape() };
        let len = shape.iter().product();
        match kind {
            0..5 => Value::Real(Tensor::new(&shape, (0..len).map(|_| self.float()).collect())),
            5..7 => Value::Int(Tensor::new(&shape, (0..len).map(|_| self.int()).collect())),
            _ => Value::Bool(Tensor::new(&shape, (0..len).map(|_| self.below(2) == 0).collect())),
        }
    }

    pub fn attribute(&mut self) -> Attribute {
        match self.below(8) {
            0..3 => Attribute::Int(self.int()),
            3..6 => Attribute::Ints(self.ints()),
            6 => Attribute::Float(self.float() as f32),
            _ => self
                .of(&[
                    "SAME_UPPER",
                    "SAME_LOWER",
                    "VALID",
                    "reflect",
                    "edge",
                    "wrap",
                    "CRD",
                    "tanh",
                    "cubic",
                    "align_corners",
                    "tf_crop_and_resize",
                    "ij,jk",
                    "...i->i...",
                    "add",
                    "not_larger",
                ])
                .into(),
        }
    }
}
