"""Exports one model of torchvision, timm or the onnx package as an ONNX file, with an input.

    python export.py FOLDER SUITE NAME [torchscript|dynamo] [--double] [--fresh]

SUITE is torchvision, timm or light. Weights are drawn from a seed, and batch normalisations are calibrated on a few
random pictures. Their offsets are drawn around 1, so that most units are active: a deep network fresh from its
initialisation, whose offsets are 0, has exploding gradients, which a trained one has not (Yang et al., A mean field
theory of batch normalization, arXiv 1902.08129). --fresh keeps the offsets at 0. FOLDER gets model.onnx and input.npy;
with --double also model64.onnx (weights in double precision), jacobian.npy (PyTorch's gradient of the winning logit, in
double precision) and slope.npz (its slope along a direction, by central differences). The names that belong to a suite are in SUITES.
"""

import argparse
import contextlib
import pathlib
import shutil
import unittest.mock
import warnings

import numpy

# One small member of each family.
SUITES = {
    "torchvision": """alexnet vgg11 resnet18 resnext50_32x4d wide_resnet50_2 densenet121 squeezenet1_1 inception_v3
        googlenet shufflenet_v2_x0_5 mobilenet_v2 mobilenet_v3_small efficientnet_b0 efficientnet_v2_s mnasnet0_5
        regnet_y_400mf convnext_tiny swin_t swin_v2_t vit_b_16 maxvit_t""".split(),
    "timm": """beit_base_patch16_224 botnet26t_256 cait_xxs24_224 coat_tiny convit_tiny convmixer_768_32 convnext_atto
        convnextv2_atto crossvit_tiny_240 cs3darknet_s cspresnet50 darknet53 davit_tiny deit_tiny_patch16_224
        densenet121 dla34 dpn68 ecaresnet26t edgenext_xx_small efficientformer_l1 efficientformerv2_s0
        efficientnet_lite0 tf_efficientnet_b0 tf_efficientnetv2_b0 efficientvit_b0 efficientvit_m0 ese_vovnet19b_dw
        eva02_tiny_patch14_224 fasternet_t0 fastvit_t8 fbnetc_100 focalnet_tiny_srf gcvit_xxtiny gernet_s ghostnet_100
        ghostnetv2_100 gmixer_24_224 gmlp_s16_224 halonet26t hardcorenas_a hgnet_tiny hgnetv2_b0 hiera_tiny_224
        hrnet_w18_small inception_next_atto inception_resnet_v2 inception_v4 lambda_resnet26t lcnet_050 levit_128s
        mambaout_femto coatnet_nano_rw_224 maxvit_rmlp_nano_rw_256 mixer_s32_224 mixnet_s mnasnet_small
        mobilenetv2_050 mobilenetv3_small_050 mobilenetv4_conv_small mobileone_s0 mobilevit_xxs mobilevitv2_050
        mvitv2_tiny nest_tiny nextvit_small nf_regnet_b1 eca_nfnet_l0 pit_ti_224 poolformer_s12 poolformerv2_s12
        pvt_v2_b0 rdnet_tiny regnetx_002 regnety_002 regnetz_b16 repghostnet_050 repvgg_a0 repvit_m0_9
        res2net50_14w_8s resmlp_12_224 resnest14d resnet10t resnetv2_50 resnext26ts rexnet_100 selecsls42b
        semnasnet_075 seresnext26d_32x4d sequencer2d_s skresnet18 starnet_s1 swiftformer_xs
        swin_tiny_patch4_window7_224 swinv2_cr_tiny_ns_224 swinv2_tiny_window8_256 tiny_vit_5m_224 tinynet_e tresnet_m
        twins_pcpvt_small twins_svt_small vgg11 visformer_tiny vit_tiny_patch16_224 vit_relpos_small_patch16_224
        vit_small_r26_s32_224 vitamin_small_224 volo_d1_224 xception41 xcit_nano_12_p16_224 convformer_s18
        caformer_s18""".split(),
    "light": """bvlc_alexnet densenet121 inception_v1 inception_v2 resnet50 shufflenet squeezenet vgg19
        zfnet512""".split(),
    # Trained models of a folder that --zoo of check.py names.
    "zoo": [],
}
SEED = 7
# Of central differences in double precision.
STEP = 1e-6
# In single precision.
SIXTH = float(numpy.float32(1 / 6))
# Height and width of the pictures where a family does not insist on its own: what is compared does not depend on it.
SMALL = 128


def calibrate(torch, model, size, fresh):
    """Gives batch normalisations the statistics of random pictures; scales and offsets are drawn, if not fresh."""
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        if norm.affine and not fresh:
            norm.weight.data.uniform_(0.5, 1.5)
            norm.bias.data.normal_(1.0, 0.2)
        norm.reset_running_stats()
        norm.momentum = None
    model.train()
    with torch.no_grad():
        for _ in range(2 if norms else 0):
            model(torch.randn(4, *size))
    model.eval()


def undraw(torch, model):
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.reset_parameters()


def torch_model(suite, name):
    import torch

    torch.manual_seed(SEED)
    # The fused attention of the fast path has no ONNX operator.
    torch.backends.mha.set_fastpath_enabled(False)
    if suite == "torchvision":
        import torchvision

        extra = {"init_weights": True} if name in ("inception_v3", "googlenet") else {}
        model = torchvision.models.get_model(name, weights=None, **extra)
        size = (3, 299, 299) if name == "inception_v3" else (3, 224, 224)
    else:
        import timm

        model = timm.create_model(name, pretrained=False, exportable=True)
        size = timm.data.resolve_model_data_config(model)["input_size"]
    for weights in model.parameters():
        # Heads that begin at zero would give logits without a largest one.
        if weights.ndim > 1 and not weights.any():
            torch.nn.init.normal_(weights, std=0.02)
    return torch, model, size


def write(torch, model, x, path, exporter):
    names = {"input_names": ["input"], "output_names": ["logits"]}
    if exporter == "torchscript":
        torch.onnx.export(model, (x,), path, opset_version=17, dynamo=False, **names)
    else:
        torch.onnx.export(model, (x,), path, dynamo=True, external_data=False, verbose=False, **names)


def export(folder, suite, name, exporter, double, fresh):
    torch, model, own = torch_model(suite, name)
    small = (own[0], SMALL, SMALL)
    try:
        export_at(torch, model, small, folder, exporter, double, fresh)
    except Exception:  # Whatever a family raises that insists on its own size.
        export_at(torch, model, own, folder, exporter, double, fresh)


def export_at(torch, model, size, folder, exporter, double, fresh):
    calibrate(torch, model.float(), size, fresh)
    x = torch.randn(1, *size, generator=torch.Generator().manual_seed(SEED))
    with torch.no_grad():
        if not model(x).isfinite().all():
            # Offsets before a normalisation can leave channels without variance.
            undraw(torch, model)
            calibrate(torch, model, size, fresh=True)
        write(torch, model, x, str(folder / "model.onnx"), exporter)
    numpy.save(folder / "input.npy", x.numpy())
    if double:
        for module in model.modules():
            # An ONNX file holds them in single precision: epsilons, scales.
            for name, number in vars(module).items():
                if isinstance(number, float):
                    setattr(module, name, float(numpy.float32(number)))
        model, x = model.double(), x.double()
        with in_double(torch), as_the_file_says(torch):
            gradient(torch, model, x, folder)
        with in_double(torch), torch.no_grad():
            write(torch, model, x.detach(), str(folder / "model64.onnx"), exporter)


def as_the_file_says(torch):
    """PyTorch's functions where its derivative is to be compared with a file in double precision."""

    own = torch.nn.functional.batch_norm

    def batch_norm(x, mean, variance, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
        if training:  # Of weights, by their own statistics.
            return own(x, mean, variance, weight, bias, training, momentum, eps)
        # The formula: of one picture PyTorch 2.15 takes a gradient whose channels lie innermost for one whose places do,
        # and the derivative by x comes out wrong.
        each = lambda values: values.reshape(-1, *[1] * (x.dim() - 2))
        scale = (variance + eps).rsqrt() * (1 if weight is None else weight)
        return (x - each(mean)) * each(scale) + (0 if bias is None else each(bias))

    replaced = [
        # The slope 1/6 is an attribute of an ONNX node, which is in single precision.
        (torch.nn.functional, "hardsigmoid", lambda z, inplace=False: torch.clamp(z * SIXTH + 0.5, 0, 1)),
        (torch.nn.functional, "batch_norm", batch_norm),
    ]
    return replace(replaced)


def in_double(torch):
    """PyTorch where a pass in double precision stays in it, as netfold's does."""
    own, wider = torch.Tensor.to, {torch.float32: torch.float64}

    def to(x, *words, **named):
        return own(x, *(wider.get(word, word) if isinstance(word, torch.dtype) else word for word in words), **named)

    return replace([(torch.Tensor, "float", torch.Tensor.double), (torch.Tensor, "to", to)])


@contextlib.contextmanager
def replace(replaced):
    with contextlib.ExitStack() as stack:
        for owner, name, by in replaced:
            stack.enter_context(unittest.mock.patch.object(owner, name, by))
        yield


def gradient(torch, logits_of, x, folder):
    """The winning logit's gradient by PyTorch, and its slope along a random direction by central differences, which says
    whether a backward pass is the derivative of its forward pass."""
    x = x.detach().requires_grad_(True)
    logits = logits_of(x).reshape(-1)
    winner = logits.argmax()
    logits[winner].backward()
    numpy.save(folder / "jacobian.npy", x.grad.numpy())
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(SEED + 1), dtype=x.dtype)
    with torch.no_grad():
        ahead, behind = (logits_of(x + step * direction).reshape(-1)[winner] for step in (STEP, -STEP))
    numpy.savez(folder / "slope.npz", direction=direction.numpy(), slope=float((ahead - behind) / (2 * STEP)))


def light(folder, name):
    """An architecture of the onnx package: its weights are drawn where the file has a placeholder for them."""
    import onnx
    import onnx.backend.test
    from onnx import numpy_helper

    path = pathlib.Path(onnx.backend.test.__file__).parent / "data" / "light" / f"light_{name}.onnx"
    model = onnx.load(path)
    graph, rng = model.graph, numpy.random.default_rng(SEED)
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    readers = {}
    for node in graph.node:
        for i, read in enumerate(node.input):
            readers.setdefault(read, (node.op_type, i))
    kept = []
    for node in graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        shape = tuple(int(n) for n in shapes[node.input[0]])
        op, place = readers.get(node.output[0], ("", 0))
        if op == "BatchNormalization" and place in (1, 4):
            values = rng.uniform(0.5, 1.5, shape)
        elif len(shape) > 1:
            values = rng.standard_normal(shape) * (2.0 / numpy.prod(shape[1:])) ** 0.5
        else:
            values = rng.standard_normal(shape) * 0.1
        graph.initializer.append(numpy_helper.from_array(values.astype(numpy.float32), node.output[0]))
    del graph.node[:]
    graph.node.extend(kept)
    filled = {tensor.name for tensor in graph.initializer}
    (given,) = [info for info in graph.input if info.name not in filled]
    size = [dim.dim_value for dim in given.type.tensor_type.shape.dim]
    onnx.save(model, folder / "model.onnx")
    numpy.save(folder / "input.npy", rng.standard_normal(size).astype(numpy.float32))


def trained(zoo):
    """The names of a folder of trained models."""
    return sorted(path.parent.name for path in zoo.glob("*/model.onnx")) if zoo else []


def copied(folder, source):
    """A trained model and the first of its inputs."""
    given = min(path for path in source.glob("*.npy") if "expected" not in path.name)
    shutil.copy(source / "model.onnx", folder / "model.onnx")
    shutil.copy(given, folder / "input.npy")


def make(folder, suite, name, exporter, double, fresh, zoo=None):
    """Exports a model of any suite."""
    if suite == "light":
        light(folder, name)
    elif suite == "zoo":
        copied(folder, zoo / name)
    else:
        export(folder, suite, name, exporter, double, fresh)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("suite", choices=sorted(SUITES))
    parser.add_argument("name")
    parser.add_argument("exporter", nargs="?", default="torchscript", choices=["torchscript", "dynamo"])
    parser.add_argument("--double", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    words = parser.parse_args()
    warnings.simplefilter("ignore")
    words.folder.mkdir(parents=True, exist_ok=True)
    make(words.folder, words.suite, words.name, words.exporter, words.double, words.fresh)


if __name__ == "__main__":
    main()
