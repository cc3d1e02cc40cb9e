"""The field of the comparison: Gatekeeper in each way to ask it, and what people would use instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import httpx
import msgspec

from loadtest.comparison.contestant import Contestant
from loadtest.comparison.ground import Ground
from loadtest.comparison.parity import Answer, of_batch, of_gatekeeper, of_peer
from loadtest.processes import Cores
from loadtest.stage import Service, gatekeeper, publish, run

BATCH = 100
"""Prospects in a request of `gatekeeper-batch`."""

_encode = msgspec.json.encode


def service(ground: Ground, name: str, cores: Cores, workers: int = 1, env: Mapping[str, str] | None = None) -> Service:
    """Gatekeeper with every prospect stored."""
    log = ground.folder / f"{name}.log"
    running = ground.stack.enter_context(gatekeeper(ground.prepared, log, cores=cores, workers=workers, env=env))
    publish(ground.prepared, running)
    return running


def ours(ground: Ground, running: Service) -> dict[str, Contestant]:
    """Gatekeeper in each way to ask it, by what its name ends in."""
    ids = list(ground.prospects)
    asked = [{"prospect_id": prospect_id} for prospect_id in ids]
    sent = [
        {"prospect_id": f"sent-{prospect_id}", "features": features}
        for prospect_id, features in ground.prospects.items()
    ]
    batches = [{"prospects": asked[start : start + BATCH]} for start in range(0, len(ids) - BATCH + 1, BATCH)]
    headers = {"Authorization": f"Bearer {running.key}"}

    def contestant(way: str, path: str, bodies: Sequence[object]) -> Contestant:
        encoded = [_encode(body) for body in bodies]
        url = running.url + path
        return Contestant(f"gatekeeper-{way}", url, encoded, of_gatekeeper, running.supervisor, headers=headers)

    return {
        "stored": (stored := contestant("stored", "/v1/score", asked)),
        "sent": contestant("sent", "/v1/score", sent),
        "batch": contestant("batch", "/v1/score/batch", batches)._replace(read=of_batch, prospects_each=BATCH),
        "stored-1conn": stored._replace(name="gatekeeper-stored-1conn", connections=1, beside="bare-asgi-1conn"),
    }


def right_answers(running: Service, ids: Sequence[str]) -> dict[str, Answer]:
    """What Gatekeeper answers for each stored prospect, with the points of all features."""
    found: dict[str, Answer] = {}
    with httpx.Client(base_url=running.url, headers={"Authorization": f"Bearer {running.key}"}, timeout=30) as client:
        for start in range(0, len(ids), BATCH):
            body = {"prospects": [{"prospect_id": prospect_id} for prospect_id in ids[start : start + BATCH]]}
            answer = client.post("/v1/score/batch?reasons=all", json=body).raise_for_status().json()
            found |= zip(ids[start : start + BATCH], of_batch(answer), strict=True)
    return found


def bare(ground: Ground, running: Service) -> Contestant:
    """The bare application, which answers everybody what Gatekeeper answers the first."""
    asked = {"prospect_id": next(iter(ground.prospects))}
    answer = httpx.post(f"{running.url}/v1/score", json=asked, headers={"Authorization": f"Bearer {running.key}"})
    file = ground.folder.resolve() / "answer.json"
    file.write_bytes(answer.raise_for_status().content)
    url, pid = ground.uvicorn("bare", {"ANSWER": str(file)})
    return Contestant("bare-asgi", url, ground.leads, of_gatekeeper, pid)


def fastapi_sklearn(ground: Ground) -> Contestant:
    """FastAPI with the pickled pipeline."""
    pipeline = ground.folder.resolve() / "pipeline.pkl"
    run("loadtest.peers.fit", str(ground.prepared.bundle), str(pipeline))
    url, pid = ground.uvicorn("fastapi_sklearn", {"PIPELINE": str(pipeline)})
    return Contestant("fastapi-sklearn", f"{url}/score", ground.leads, of_peer, pid)


def fastapi_onnx(ground: Ground) -> Contestant:
    """FastAPI with model.onnx."""
    url, pid = ground.uvicorn("fastapi_onnx", {})
    return Contestant("fastapi-onnx", f"{url}/score", ground.leads, of_peer, pid)
