"""ResNet-18 for small images, in plain PyTorch: a 3 x 3 stem without pooling, four stages of two blocks.

References
----------
K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016, section 4.2 and figure 3.
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["resnet"]


class _Block(nn.Module):
    """Two convolutions and the way around them (equation 2 of the paper)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)])
        self.around: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.around = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs for a batch, shape (b, outputs, h / stride, w / stride)."""
        inner = self.norms[0](self.first(x)).relu()
        out: torch.Tensor = (self.norms[1](self.second(inner)) + self.around(x)).relu()
        return out


def resnet(shape: tuple[int, ...], n_classes: int, width: int = 64) -> nn.Module:
    """The network; 11 million parameters at width 64."""
    stem = nn.Sequential(nn.Conv2d(shape[0], width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
    blocks: list[nn.Module] = []
    before = width
    for stage in range(4):
        channels = width * 2**stage
        blocks += [_Block(before, channels, 1 if stage == 0 else 2), _Block(channels, channels, 1)]
        before = channels
    return nn.Sequential(stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, n_classes))
