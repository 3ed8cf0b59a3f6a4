"""Predicted memory beside the allocator's record, for what own code and connection tables compute."""

import pytest
from processor import TOLERANCE, here, predicted, recorded

import cnnprof

pytestmark = pytest.mark.torch

CONNECTED = """
input: 3x24x24
tables:
  seen: |
    X . X . . X X . X
    X X . . X X . . X
    . X X . X . X . X
    X . X X . X . X X
layers:
  - conv 3x3 4 relu
  - conv {window} connect=seen relu
  - conv 3x3 6
  - gap
  - fc 10
"""
"""Outputs of one to four maps: each number of maps is a convolution of its own, grouped but for the one output of four."""


@pytest.mark.parametrize("batch", [1, 5, 8])
@pytest.mark.parametrize("window", ["5x5 9 p0", "3x3 9 s2 nobias", "1x1 9"])
def test_a_connection_table_takes_what_is_predicted(window, batch, tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(CONNECTED.format(window=window))
    graph = cnnprof.load(str(path), batch=batch)
    assert predicted(graph, "infer", "none", here()) == pytest.approx(recorded(graph, "infer"), rel=TOLERANCE)
    assert predicted(graph, "train", "momentum", here()) == pytest.approx(recorded(graph, "train", "momentum"), rel=TOLERANCE)


OPERATIONS = {
    "channel dropout": "self.a(F.dropout2d(x, 0.3, self.training))",
    "instance normalization": "self.a(F.instance_norm(x))",
    "reflected border": "self.a(F.pad(x, (1, 1, 1, 1), mode='reflect'))",
    "greatest of two": "torch.max(self.a(x), self.b(x))",
    "quotient": "self.a(x) / (1 + self.b(x).exp())",
    "root mean square": "self.a(x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-6))",
    "weighted sum": "(torch.stack([self.a(x), self.b(x)]) * self.w.softmax(0)).sum(0)",
    "greatest along channels": "self.p(x) * x.max(1, keepdim=True).values",
    "clipped": "self.a(F.hardtanh(x, -2.0, 2.0))",
    "cropped": "self.a(x[:, :, 2:, 1:-1])",
    "joined gradients": "self.c(torch.cat([self.a(x), self.b(x)], 1))",
    "three axes": "self.d(x.unsqueeze(2)).squeeze(2)",
    "vectors of pixels": "self.l(x.flatten(2).mT).mT.unflatten(2, x.shape[2:])",
    "vectors of activated pixels": "self.l(F.gelu(self.a(x).flatten(2).mT)).mT.unsqueeze(3)",
    "attention": "self.l(F.scaled_dot_product_attention(*[self.l(x.flatten(2).mT).unflatten(2, (4, 8)).transpose(1, 2)] * 3)"
    ".transpose(1, 2).flatten(2)).mT.unsqueeze(3)",
    "gate": "self.a(x) * torch.sigmoid(self.p(x.mean((2, 3), keepdim=True)))",
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operations_of_own_code_take_what_is_predicted(operation, batch, tmp_path):
    path = tmp_path / "net.py"
    path.write_text(
        "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.stem, self.a, self.b = nn.Conv2d(3, 32, 3), nn.Conv2d(32, 32, 3), nn.Conv2d(32, 32, 3)\n"
        "        self.c, self.d, self.p = nn.Conv2d(64, 32, 3), nn.Conv3d(32, 32, (1, 3, 3)), nn.Conv2d(32, 32, 1)\n"
        "        self.w, self.l = nn.Parameter(torch.zeros(2, 1, 32, 1, 1)), nn.Linear(32, 32)\n"
        "    def forward(self, x):\n"
        "        x = self.stem(x)\n"
        f"        return ({OPERATIONS[operation]}).mean((2, 3))\n"
    )
    graph = cnnprof.load(f"{path}:Net", input_shape=(3, 44, 40), batch=batch)
    assert not graph.uncounted
    assert predicted(graph, "infer", "none", here()) == pytest.approx(recorded(graph, "infer"), rel=TOLERANCE)
    assert predicted(graph, "train", "sgd", here()) == pytest.approx(recorded(graph, "train"), rel=TOLERANCE)
