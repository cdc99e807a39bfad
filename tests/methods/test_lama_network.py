"""LaMa's generator: sizes, transforms, precision, export, and its authors' files."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import parity
from unmaskbench.benchmark.plugins.weights.loading import WeightsError
from unmaskbench.methods.lama.checkpoint import load_lama_checkpoint
from unmaskbench.methods.lama.network import FFCResNet, FourierUnit, SpectralDFT

TINY = {"base_channels": 8, "downsamplings": 2, "blocks": 2}


@pytest.fixture
def tiny() -> FFCResNet:
    network = FFCResNet(**TINY)
    parity.fill(network)
    return network


def test_forward_blanks_the_hole_itself(tiny: FFCResNet) -> None:
    image, mask = parity.uniform((1, 3, 32, 32), 1), (parity.uniform((1, 1, 32, 32), 2) > 0.7).float()
    with torch.no_grad():
        expected = tiny.generate(torch.cat((image * (1 - mask), mask), 1))
        assert torch.equal(tiny(image, mask), expected)
        assert torch.equal(tiny(torch.where(mask > 0, 0.3, image), mask), expected)


@pytest.mark.parametrize("size", [(16, 16), (24, 40), (136, 72), (104, 200)])
def test_any_multiple_of_eight(size: tuple[int, int]) -> None:
    network = FFCResNet(base_channels=4, blocks=1).eval()
    with torch.no_grad():
        output = network(torch.rand(2, 3, *size), torch.ones(2, 1, *size))
    assert output.shape == (2, 3, *size)
    assert output.min() >= 0
    assert output.max() <= 1


@pytest.mark.parametrize("size", [(60, 64), (64, 12), (8, 64)])
def test_other_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"size {size[0]} x {size[1]}; expected multiples of 8, at least 16"):
        FFCResNet(base_channels=4, blocks=1)(torch.rand(1, 3, *size), torch.ones(1, 1, *size))


@pytest.mark.parametrize("settings", [{"global_ratio": 1.0}, {"global_ratio": 0.0}, {"blocks": 0}, {"fourier": "dct"}])
def test_impossible_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        FFCResNet(**{**TINY, **settings})


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (8, 9), (9, 8), (33, 64)])
def test_both_transforms_agree_with_numpy_and_invert(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    truth = np.fft.rfft2(x.double().numpy(), norm="ortho")
    for kind in ("fft", "matmul"):
        dft = SpectralDFT(kind)
        spectrum = dft(x)
        np.testing.assert_allclose(spectrum[:, 0::2].numpy(), truth.real, atol=1e-5)
        np.testing.assert_allclose(spectrum[:, 1::2].numpy(), truth.imag, atol=1e-5)
        torch.testing.assert_close(dft.inverse(spectrum, size[1]), x, atol=1e-5, rtol=1e-4)
        # A spectrum that no real image has: both inverses must read the same half of it.
        odd = torch.randn(spectrum.shape, generator=torch.Generator().manual_seed(1))
        expected = np.fft.irfft2((odd[:, 0::2] + 1j * odd[:, 1::2]).numpy(), s=size, norm="ortho")
        np.testing.assert_allclose(dft.inverse(odd, size[1]).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("fourier", ["fft", "matmul"])
def test_bfloat16_autocast_keeps_the_transform_exact(fourier: str, tiny: FFCResNet) -> None:
    network = FFCResNet(**TINY, fourier=fourier)
    network.load_state_dict(tiny.state_dict())
    image, mask = parity.uniform((2, 3, 32, 32), 3), torch.zeros(2, 1, 32, 32)
    with torch.no_grad():
        exact = network.eval()(image, mask)
        with torch.autocast("cpu", torch.bfloat16):
            assert SpectralDFT(fourier)(image).dtype == torch.float32
            torch.testing.assert_close(SpectralDFT(fourier)(image), SpectralDFT("fft")(image), atol=1e-5, rtol=1e-5)
            rounded = network(image, mask)
    assert (rounded.float() - exact).abs().max() < 0.03
    with torch.autocast("cpu", torch.bfloat16):
        loss = network.train()(image, mask).float().mean()
    loss.backward()
    unit = next(m for m in network.modules() if isinstance(m, FourierUnit))
    assert unit.conv_layer.weight.grad is not None
    assert unit.conv_layer.weight.grad.abs().sum() > 0


def test_compact_setting_is_small() -> None:
    network = FFCResNet(base_channels=20, blocks=9)
    assert sum(p.numel() for p in network.parameters()) <= 3_000_000


def test_onnx_export_of_the_matrix_form(tiny: FFCResNet, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    network = FFCResNet(**{**TINY, "blocks": 1}, fourier="matmul")
    parity.fill(network)
    image, mask = parity.uniform((1, 3, 32, 40), 4), (parity.uniform((1, 1, 32, 40), 5) > 0.5).float()
    path = tmp_path / "lama.onnx"
    torch.onnx.export(network, (image, mask), path, dynamo=True, external_data=False, verbose=False)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed = {port.name: value.numpy() for port, value in zip(session.get_inputs(), (image, mask), strict=True)}
    with torch.no_grad():
        np.testing.assert_allclose(session.run(None, feed)[0], network(image, mask).numpy(), atol=1e-4)


def lightning_file(path: Path, state: dict[str, Tensor]) -> Path:
    """Write a checkpoint as the authors' trainer does: junk networks beside the generator, callbacks keyed by class."""
    module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    callback = type("ModelCheckpoint", (), {"__module__": module.__name__})
    config = type("AttributeDict", (dict,), {"__module__": module.__name__})
    module.ModelCheckpoint, module.AttributeDict = callback, config  # type: ignore[attr-defined]
    names = ["pytorch_lightning", "pytorch_lightning.callbacks", module.__name__]
    if any(name in sys.modules for name in names):
        pytest.skip("pytorch_lightning is installed; this file imitates it")
    try:
        sys.modules.update(dict.fromkeys(names, module))
        junk = {"discriminator.model0.0.weight": torch.ones(2), "loss_resnet_pl.impl.conv1.weight": torch.ones(2)}
        torch.save(
            {
                "epoch": 39,
                "state_dict": {**{f"generator.{k}": v for k, v in state.items()}, **junk},
                "callbacks": {callback: {"best_model_score": torch.tensor(0.1), "best_model_path": "x.ckpt"}},
                "hyper_parameters": config(lr=0.001, generator={"kind": "ffc_resnet"}),
                "optimizer_states": [{"state": {0: {"step": 1}}, "param_groups": []}],
            },
            path,
        )
    finally:
        for name in names:
            sys.modules.pop(name, None)
    return path


def test_lightning_checkpoint(tiny: FFCResNet, tmp_path: Path) -> None:
    loaded = load_lama_checkpoint(lightning_file(tmp_path / "best.ckpt", tiny.state_dict()))
    image, mask = parity.uniform((1, 3, 32, 32), 6), torch.zeros(1, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(loaded(image, mask), tiny(image, mask))
    assert not loaded.training


def test_torchscript_archive(tiny: FFCResNet, tmp_path: Path) -> None:
    class Exported(nn.Module):
        """The authors' export: the trained model behind a wrapper, traced."""

        def __init__(self) -> None:
            super().__init__()
            self.model = nn.ModuleDict({"generator": tiny, "discriminator": nn.Conv2d(3, 1, 3)})

        def forward(self, image: Tensor, mask: Tensor) -> Tensor:
            restored: Tensor = self.model["generator"](image, mask)
            return mask * restored + (1 - mask) * image

    example = (torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32))
    path = tmp_path / "big-lama.pt"
    with torch.no_grad():
        torch.jit.trace(Exported().eval(), example, check_trace=False).save(str(path))
        loaded = load_lama_checkpoint(path)
        assert torch.equal(loaded(*example), tiny(*example))
    with pytest.raises(WeightsError, match="expected 0000"):
        load_lama_checkpoint(path, sha256="0" * 64)


def test_wrong_files_are_named(tiny: FFCResNet, tmp_path: Path) -> None:
    state = tiny.state_dict()
    renamed = {("model.2.bn_x.weight" if k == "model.2.bn_l.weight" else k): v for k, v in state.items()}
    with pytest.raises(WeightsError, match=r"missing: model\.2\.bn_l\.weight; 1 unexpected: model\.2\.bn_x\.weight"):
        load_lama_checkpoint(lightning_file(tmp_path / "renamed.ckpt", renamed))
    reshaped = {**state, "model.5.conv1.bn_l.weight": torch.ones(7)}
    with pytest.raises(WeightsError, match=r"model\.5\.conv1\.bn_l\.weight \(file \[7\], network \[8\]\)"):
        load_lama_checkpoint(lightning_file(tmp_path / "reshaped.ckpt", reshaped))
    torch.save({"state_dict": {"encoder.weight": torch.ones(1)}}, tmp_path / "other.ckpt")
    with pytest.raises(WeightsError, match=r"other\.ckpt: expected one LaMa generator"):
        load_lama_checkpoint(tmp_path / "other.ckpt")
