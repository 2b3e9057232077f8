"""Choose an engine; heavy libraries are imported here and nowhere above."""

from pathlib import Path

from srlm.engines.base import Engine
from srlm.errors import SettingsError
from srlm.records import Checkpoint
from srlm.settings import EngineSettings, Settings
from srlm.settings.engines import NO_SERVER


def open_checkpoint(settings: Settings, checkpoint: Checkpoint, run: Path, plain: bool = False) -> Engine:
    """An engine on one of the run's checkpoints; `run` is the run's folder. `plain`: it continues text, not a chat."""
    folder = run / checkpoint.path
    return open_folder(settings, str(folder if folder.is_dir() else checkpoint.path), checkpoint.name, plain)


def open_folder(settings: Settings, path: str, id: str, plain: bool = False) -> Engine:
    """A model folder or hub id, run as `engine` says. `plain`: it continues text, not a chat."""
    match settings.engine.kind:
        case "transformers":
            from srlm.engines.transformers import TransformersEngine

            engine = TransformersEngine.load(path, id, settings.model, settings.engine.batch_size)
            if plain:
                engine.chat = engine.chat.plain()
            return engine
        case "vllm":
            from srlm.engines.vllm import VllmEngine

            model = VllmEngine(path, id, settings.model, settings.engine.vllm, settings.seed)
            if plain:
                model.chat = model.chat.plain()
            return model
        case "ray":
            from srlm.engines.ray import RayEngine

            return RayEngine(settings, path, id, plain)
    raise SettingsError(f"engine.kind {settings.engine.kind}: {NO_SERVER}")


def open_server(settings: EngineSettings, calls: Path | None = None) -> Engine:
    """A model behind an OpenAI-compatible server; what it says is kept in the file `calls`, which is closed with it."""
    from srlm.engines.openai.calls import CallStore
    from srlm.engines.openai.client import Client
    from srlm.engines.openai.endpoint import Endpoint
    from srlm.engines.openai.engine import OpenAIEngine, unread

    if settings.model is None:
        raise SettingsError("an `openai` engine needs `model`: the model's name on the server")
    effort = settings.reasoning_effort
    if calls is None:
        return OpenAIEngine(Client(Endpoint.of(settings), unread=unread), settings.model, effort)
    store = CallStore(calls)
    try:
        return OpenAIEngine(Client(Endpoint.of(settings), store, unread=unread), settings.model, effort, store.close)
    except BaseException:
        store.close()
        raise
