"""The networks that are timed: torchvision's with seeded weights, as ONNX files, and the trained ones of the zoo."""

import os

import numpy as np
import torch

TORCHVISION = ("resnet18", "resnet50", "vgg16", "mobilenet_v2", "squeezenet1_1", "alexnet")


def picture(size, seed):
    """Smooth noise with the spectrum of a photograph (1/f), normalised as ImageNet pictures are."""
    rng = np.random.default_rng(seed)
    frequency = np.sqrt(np.fft.fftfreq(size)[:, None] ** 2 + np.fft.rfftfreq(size)[None, :] ** 2)
    frequency[0, 0] = 1 / size
    planes = []
    for _ in range(3):
        spectrum = rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)
        plane = np.fft.irfft2(spectrum / frequency, s=(size, size))
        planes.append((plane - plane.mean()) / plane.std())
    common = sum(planes) / 3
    return np.stack([0.7 * common + 0.5 * plane for plane in planes])[None].astype(np.float32)


def export(name, directory, size=224):
    """Writes `name`.onnx and `name`.npy unless they are there; returns both paths."""
    import torchvision

    model_path = os.path.join(directory, f"{name}.onnx")
    input_path = os.path.join(directory, f"{name}.npy")
    if os.path.exists(model_path) and os.path.exists(input_path):
        return model_path, input_path
    os.makedirs(directory, exist_ok=True)
    torch.manual_seed(1)
    model = getattr(torchvision.models, name)(weights=None)
    x = torch.from_numpy(picture(size, 0))
    calibrate(model, size)
    model.eval()
    torch.onnx.export(model, (x,), model_path + ".tmp", input_names=["input"], output_names=["logits"], dynamo=False)
    np.save(input_path, x.numpy())
    os.replace(model_path + ".tmp", model_path)
    return model_path, input_path


def calibrate(model, size):
    """Statistics of batch normalisation from pictures; other networks have their layers' scale set instead, so that
    activations keep the size of the input in every layer."""
    pictures = torch.from_numpy(np.concatenate([picture(size, seed) for seed in range(1, 9)]))
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        if norms:
            for norm in norms:
                norm.momentum = None
                norm.reset_running_stats()
                # Trained scales and shifts differ from channel to channel.
                norm.weight.uniform_(0.5, 1.5)
                norm.bias.normal_(0.0, 0.3)
            # Dropout's noise has no place in the statistics.
            model.train()
            for module in model.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.eval()
            model(pictures)
            return
        model.eval()

        def scale(module, _, out):
            factor = 1.0 / float(out.std())
            module.weight.mul_(factor)
            shift = torch.randn(out.shape[1]) * 0.3
            module.bias.copy_(module.bias * factor + shift)
            return out * factor + shift.view(1, -1, *[1] * (out.dim() - 2))

        hooks = [m.register_forward_hook(scale) for m in model.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear))]
        model(pictures)
        for hook in hooks:
            hook.remove()


def zoo(name, directory):
    """A network of the zoo and its first sample."""
    folder = os.path.join(directory, name)
    samples = sorted(f for f in os.listdir(folder) if f.endswith(".npy") and "expected" not in f)
    return os.path.join(folder, "model.onnx"), os.path.join(folder, samples[0])


def find(name, exports, zoo_directory):
    if name in TORCHVISION:
        return export(name, exports)
    return zoo(name, zoo_directory)
