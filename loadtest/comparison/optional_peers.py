"""The contestants that take part on demand: BentoML and MLServer, each in an environment of its own."""

from __future__ import annotations

import json
from importlib.metadata import version

import msgspec

from loadtest.comparison.contestant import Contestant
from loadtest.comparison.ground import Ground
from loadtest.comparison.parity import of_mlserver, of_peer
from loadtest.peers.environments import environment
from loadtest.processes import free_port

FAST = ("uvloop", "httptools", "numpy", f"onnxruntime=={version('onnxruntime')}")
PEERS = {"bentoml": ("bentoml==1.4.39", *FAST), "mlserver": ("mlserver==1.7.1", *FAST)}
"""Optional peers, by what they need installed: the releases that we have tried, and what makes them fast."""

_encode = msgspec.json.encode


def bentoml(ground: Ground) -> Contestant:
    """BentoML with model.onnx."""
    folder = ground.folder / "peers" / "bentoml"
    commands = environment(folder, PEERS["bentoml"])
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(commands / "bentoml"), "serve", "loadtest.peers.bento:Scorer", "--host", "127.0.0.1"]
    env = {"BENTOML_HOME": str(folder.resolve() / "home"), "BENTOML_DO_NOT_TRACK": "True"}
    pid = ground.start("bentoml", [*command, "--port", str(port)], url, env, "/readyz")
    bodies = [_encode({"lead": features}) for features in ground.prospects.values()]
    return Contestant("bentoml", f"{url}/score", bodies, of_peer, pid)


def mlserver(ground: Ground) -> Contestant:
    """MLServer with model.onnx, in one process: a second one would only share the core."""
    commands = environment(ground.folder / "peers" / "mlserver", PEERS["mlserver"])
    served = ground.folder.resolve() / "mlserver"
    served.mkdir(exist_ok=True)
    port = free_port()
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    settings |= {"parallel_workers": 0, "debug": False, "metrics_dir": str(served), "environments_dir": str(served)}
    (served / "settings.json").write_text(json.dumps(settings), "utf-8")
    model = {"name": "telco", "implementation": "loadtest.peers.mlserver_runtime.Scorer"}
    (served / "model-settings.json").write_text(json.dumps(model), "utf-8")
    url = f"http://127.0.0.1:{port}"
    pid = ground.start("mlserver", [str(commands / "mlserver"), "start", str(served)], url, {}, "/v2/health/ready")
    bodies = [
        _encode({"inputs": [{"name": "lead", "shape": [1], "datatype": "BYTES", "data": [lead.decode()]}]})
        for lead in ground.leads
    ]
    return Contestant("mlserver", f"{url}/v2/models/telco/infer", bodies, of_mlserver, pid)


OPTIONAL = {"bentoml": bentoml, "mlserver": mlserver}
"""By the name that asks for them."""
