"""Initial values that the models share."""

from rushlight import nn


def initialize(model, linear=True):
    """Kaiming normal convolutions (He et al. 2015, fan out), unit norms, and N(0, 0.01) for `linear` layers.

    In the order of model.modules(), which is the order in which torchvision draws.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif linear and isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
            nn.init.zeros_(module.bias)
