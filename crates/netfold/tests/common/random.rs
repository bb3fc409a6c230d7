//! Small random networks: chains, residual blocks, concatenations, fan-out; every weight from a seed.

use netfold::{Model, Tensor};
use netfold_linear::Real;
use netfold_onnx::{DType, GraphDef, ModelDef, NodeDef, TensorDef, ValueInfo, encode};

/// A network under construction: its graph, and the tensor that comes next.
pub struct Growing {
    graph: GraphDef,
    rng: fastrand::Rng,
    at: String,
    channels: usize,
    size: usize,
    made: usize,
}

/// A random network with input `x` of shape [1, 2, 7, 7] and output `logits` of shape [1, 4].
pub fn network(seed: u64) -> ModelDef {
    let graph = GraphDef::new("random").with_input(ValueInfo::new("x", DType::F64, [1, 2, 7, 7]));
    let rng = fastrand::Rng::with_seed(seed);
    let mut net = Growing { graph, rng, at: "x".into(), channels: 2, size: 7, made: 0 };
    net.conv(3, 1);
    for _ in 0..net.rng.usize(2..5) {
        match net.rng.u8(0..8) {
            0 => net.residual(),
            1 => net.concatenation(),
            2 => net.pool("MaxPool"),
            3 => net.pool("AveragePool"),
            4 => net.batch_norm(),
            5 => net.conv(3, 2),
            6 => net.conv(1, 1),
            _ => net.conv(3, 1),
        }
        net.activation();
    }
    net.head();
    ModelDef::new(net.graph)
}

/// The network read back from its file's bytes.
pub fn model(seed: u64) -> Model {
    let bytes = encode(&network(seed));
    Model::new(netfold_onnx::decode(bytes, None).expect("what was written can be read")).expect("a valid graph")
}

/// A random input for it.
pub fn input<T: Real>(seed: u64) -> Tensor<T> {
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x5eed);
    Tensor::new(&[1, 2, 7, 7], (0..98).map(|_| T::of(rng.f64() * 2.0 - 1.0)).collect())
}

impl Growing {
    fn numbers(&mut self, len: usize, low: f64, high: f64) -> Vec<f64> {
        (0..len).map(|_| low + (high - low) * self.rng.f64()).collect()
    }

    fn constant(&mut self, shape: &[usize], low: f64, high: f64) -> String {
        let values = self.numbers(shape.iter().product(), low, high);
        let name = self.fresh("w");
        let tensor = TensorDef::new(shape, values).expect("as many numbers as the shape has");
        self.graph.initializers.push((name.clone(), tensor));
        name
    }

    fn fresh(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}{}", self.made)
    }

    fn node(&mut self, op: &str, inputs: &[&str], edit: impl FnOnce(NodeDef) -> NodeDef) -> String {
        let output = self.fresh(op);
        let node = NodeDef::new(op, inputs.iter().copied(), [output.as_str()]).named(format!("/{output}"));
        self.graph.nodes.push(edit(node));
        output
    }

    fn conv(&mut self, kernel: i64, stride: i64) {
        let out = self.rng.usize(2..5);
        self.conv_to(out, kernel, stride);
    }

    fn conv_to(&mut self, out: usize, kernel: i64, stride: i64) {
        if stride > 1 && self.size < 3 {
            return;
        }
        let k = kernel as usize;
        let (w, b) = (self.constant(&[out, self.channels, k, k], -0.6, 0.6), self.constant(&[out], -0.3, 0.3));
        let (pad, at) = (kernel / 2, self.at.clone());
        self.at = self.node("Conv", &[&at, &w, &b], |n| n.with("strides", [stride, stride]).with("pads", [pad; 4]));
        (self.channels, self.size) = (out, (self.size - 1) / stride as usize + 1);
    }

    fn activation(&mut self) {
        let at = self.at.clone();
        self.at = match self.rng.u8(0..6) {
            0 => self.node("LeakyRelu", &[&at], |n| n.with("alpha", 0.2_f32)),
            1 => {
                let slope = self.constant(&[self.channels, 1, 1], 0.05, 0.5);
                self.node("PRelu", &[&at, &slope], |n| n)
            }
            2 => self.node("Sigmoid", &[&at], |n| n),
            3 => self.node("Tanh", &[&at], |n| n),
            _ => self.node("Relu", &[&at], |n| n),
        };
    }

    fn batch_norm(&mut self) {
        let c = [self.channels];
        let names = [(0.5, 1.5), (-0.3, 0.3), (-0.2, 0.2), (0.5, 2.0)].map(|(a, b)| self.constant(&c, a, b));
        let at = self.at.clone();
        self.at = self.node("BatchNormalization", &[&at, &names[0], &names[1], &names[2], &names[3]], |n| n);
    }

    fn pool(&mut self, op: &str) {
        if self.size < 3 {
            return;
        }
        // Windows of three, two apart: they overlap, so that one winner can serve several of them.
        let at = self.at.clone();
        self.at =
            self.node(op, &[&at], |n| n.with("kernel_shape", [3, 3]).with("strides", [2, 2]).with("pads", [1; 4]));
        self.size = (self.size - 1) / 2 + 1;
    }

    fn residual(&mut self) {
        let (shortcut, channels) = (self.at.clone(), self.channels);
        self.conv(3, 1);
        self.activation();
        self.conv_to(channels, 1, 1);
        let at = self.at.clone();
        self.at = self.node("Add", &[&at, &shortcut], |n| n);
    }

    fn concatenation(&mut self) {
        let from = (self.at.clone(), self.channels);
        self.conv(1, 1);
        let left = (self.at.clone(), self.channels);
        (self.at, self.channels) = from.clone();
        self.conv(3, 1);
        let at = self.at.clone();
        self.at = self.node("Concat", &[&left.0, &at, &from.0], |n| n.with("axis", 1_i64));
        self.channels += left.1 + from.1;
    }

    fn head(&mut self) {
        let features = self.channels * self.size * self.size;
        let (w, b) = (self.constant(&[4, features], -0.5, 0.5), self.constant(&[4], -0.5, 0.5));
        let at = self.at.clone();
        let flat = self.node("Flatten", &[&at], |n| n);
        self.graph
            .nodes
            .push(NodeDef::new("Gemm", [flat.as_str(), &w, &b], ["logits"]).with("transB", 1_i64).named("/head"));
        self.graph.outputs.push(ValueInfo::new("logits", DType::F64, [1, 4]));
    }
}
